using Npgsql;
using Tracking.Functional.Tests.DomainVerifier;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Database;

/// <summary>The constraints of tracking domains in PostgreSQL.</summary>
public sealed class TrackingDomainRulesTests(TestPostgres server)
{
    private const string Name = "track.example.com";

    [Theory]
    [InlineData("status = 1", "status = 1", "tracking_domains_active")]
    [InlineData("status = 1, is_default = true", "cluster_id = (SELECT cluster_id FROM domains.tracking_domains "
        + "WHERE id = $2), hostname = 'other.example.com', status = 1, is_default = true", "tracking_domains_default")]
    [InlineData("status = 1", "cluster_id = (SELECT cluster_id FROM domains.tracking_domains WHERE id = $2)",
        "tracking_domains_name")]
    [InlineData("deleted_at = now()", "target = (SELECT target FROM domains.tracking_domains WHERE id = $2)",
        "tracking_domains_target_key")]
    public async Task Two_rows_cannot_violate_a_unique_rule_of_domains(string first, string second, string rule)
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var one = await database.AddDomainAsync(await database.AddClusterAsync(), Name);
        var two = await database.AddDomainAsync(await database.AddClusterAsync(), Name);
        await database.ExecuteAsync($"UPDATE domains.tracking_domains SET {first} WHERE id = $1", one);

        var refused = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsync(
            $"UPDATE domains.tracking_domains SET {second} WHERE id = $1 AND id <> $2", two, one));

        Assert.Equal((PostgresErrorCodes.UniqueViolation, rule), (refused.SqlState, refused.ConstraintName));
    }

    [Theory]
    [InlineData("status = 0")]
    [InlineData("status = 1, is_retired = true")]
    [InlineData("status = 1, deleted_at = now()")]
    public async Task A_name_that_makes_no_links_is_never_the_default(string state)
    {
        await using var database = await VerifierDatabase.CreateAsync(server);
        var id = await database.AddDomainAsync(await database.AddClusterAsync(), Name);

        var refused = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsync(
            $"UPDATE domains.tracking_domains SET is_default = true, {state} WHERE id = $1", id));

        Assert.Equal(PostgresErrorCodes.CheckViolation, refused.SqlState);
    }
}

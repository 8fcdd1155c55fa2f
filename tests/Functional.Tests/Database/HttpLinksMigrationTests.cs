using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Domains;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Database;

/// <summary>Of which names <c>0019_http_links.sql</c> takes it that mail with http links is out.</summary>
public sealed class HttpLinksMigrationTests(TestPostgres server)
{
    private const int Number = 19;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Names_that_are_or_were_optional_have_http_links_unless_their_cluster_was_told()
    {
        await using var database = await SomeDatabase.CreateEmptyAsync(server);
        var migrator = new Migrator(database.DataSource, NullLogger<Migrator>.Instance);
        await migrator.ApplyAsync(
            [.. Migrator.Embedded().Where(migration => migration.Number < Number)], Cancelled);
        await AddAsync(database, "required", HttpsPolicy.Required);
        await AddAsync(database, "optional", HttpsPolicy.Optional);
        await AddAsync(database, "never-active", HttpsPolicy.Optional, isVerified: false);
        await AddAsync(database, "was-optional", HttpsPolicy.Required, before: HttpsPolicy.Optional);
        await AddAsync(database, "was-required", HttpsPolicy.Required, before: HttpsPolicy.Required);
        await AddAsync(
            database, "was-told", HttpsPolicy.Required, before: HttpsPolicy.Optional,
            lastCheck: """{"findings":[{"code":"https-forced-by-parent","severity":"warning"}]}""");

        await migrator.ApplyAsync(Cancelled);

        Assert.Equal(
            ["optional.example.com", "was-optional.example.com"],
            await database.LinesAsync(
                "SELECT hostname FROM domains.tracking_domains WHERE has_http_links ORDER BY hostname"));
    }

    private static async Task AddAsync(
        SomeDatabase database,
        string label,
        HttpsPolicy https,
        bool isVerified = true,
        HttpsPolicy? before = null,
        string? lastCheck = null)
    {
        var hostname = $"{label}.example.com";
        await database.ExecuteAsync(
            $"""
            INSERT INTO domains.tracking_domains
                (id, cluster_id, hostname, target, status, https, verified_at, last_check)
            VALUES (gen_random_uuid(), 1, '{hostname}', 'v-{label}', {(isVerified ? 1 : 0)}, {(int)https},
                {(isVerified ? "now()" : "NULL")}, {(lastCheck is null ? "NULL" : $"'{lastCheck}'")})
            """);
        if (before is { } policy)
        {
            // As the API writes it.
            var audited = JsonSerializer.Serialize(
                AuditedDomain.Of(new TrackingDomain
                {
                    Id = Guid.NewGuid(),
                    ClusterId = new ClusterId(1),
                    Hostname = hostname,
                    Target = "t",
                    Https = policy,
                }),
                ClusterSettings.Json);
            await database.ExecuteAsync(
                $"""
                INSERT INTO management.audit_log (id, at, cluster_id, actor, action, subject, before)
                VALUES (gen_random_uuid(), now(), 1, 'test', 'change-tracking-domain', '{hostname}', '{audited}')
                """);
        }
    }
}

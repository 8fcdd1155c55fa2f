using System.Net;
using Npgsql;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Management.Domains;

/// <summary>Concurrent changes of the same name: one of the two wins, and no rule is broken.</summary>
[Collection(nameof(ManagementCollection))]
public sealed class DomainRacesTests(ManagementHost host)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("status = 0, is_default = false", HttpStatusCode.Conflict)]
    [InlineData("deleted_at = now(), is_default = false", HttpStatusCode.NotFound)]
    [InlineData("is_retired = true, is_default = false", HttpStatusCode.Conflict)]
    public async Task A_name_that_is_lost_at_the_same_moment_does_not_become_the_default(
        string change, HttpStatusCode expected)
    {
        using var domains = await DomainClient.CreateAsync(host);
        var (name, former) = (await domains.AddActiveAsync(), await domains.AddActiveAsync());
        (await domains.SetDefaultAsync(former)).Dispose();

        using var answer = await WhileAsync(name, change, () => domains.SetDefaultAsync(name));

        Assert.Equal(expected, answer.StatusCode);
        Assert.True((bool)(await domains.GetAsync(former))["isDefault"]!);
    }

    [Fact]
    public async Task A_default_that_is_lost_while_it_is_changed_stays_lost()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync();
        (await domains.SetDefaultAsync(name)).Dispose();

        using var answer = await WhileAsync(
            name, "status = 0, is_default = false", () => domains.PatchAsync(name, """{"trackOpens":false}"""));

        var domain = await Expect.OkAsync(answer);
        Assert.Equal(("pending", false), ((string)domain["status"]!, (bool)domain["isDefault"]!));
    }

    [Fact]
    public async Task One_of_two_requests_that_delete_a_name_at_once_gets_not_found()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => domains.DeleteAsync(name)));

        Assert.Single(answers, answer => answer.StatusCode == HttpStatusCode.OK);
        Assert.Equal(3, answers.Count(answer => answer.StatusCode == HttpStatusCode.NotFound));
        Array.ForEach(answers, answer => answer.Dispose());
    }

    // The other change's transaction is still open when the request arrives.
    private async Task<HttpResponseMessage> WhileAsync(
        string name, string change, Func<Task<HttpResponseMessage>> request)
    {
        await using var connection = await host.DataSource.OpenConnectionAsync(Cancelled);
        await using var transaction = await connection.BeginTransactionAsync(Cancelled);
        await using var command = new NpgsqlCommand(
            $"UPDATE domains.tracking_domains SET {change} WHERE hostname = $1", connection, transaction);
        command.Parameters.Add(new() { Value = name });
        await command.ExecuteNonQueryAsync(Cancelled);
        var answer = request();
        await Eventually.HoldsAsync(async () => await IsWaitedForAsync(connection), "the request meets it", Cancelled);
        await transaction.CommitAsync(Cancelled);
        return await answer;
    }

    private async Task<bool> IsWaitedForAsync(NpgsqlConnection connection)
    {
        await using var command = host.DataSource.CreateCommand(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid)))");
        command.Parameters.Add(new() { Value = connection.ProcessID });
        return (bool)(await command.ExecuteScalarAsync(Cancelled))!;
    }
}

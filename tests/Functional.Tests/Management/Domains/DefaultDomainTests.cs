using System.Net;
using System.Text.Json.Nodes;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management.Domains;

[Collection(nameof(ManagementCollection))]
public sealed class DefaultDomainTests(ManagementHost host)
{
    [Fact]
    public async Task A_new_default_replaces_the_old_one_and_a_cluster_may_have_none()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var (one, other) = (await domains.AddActiveAsync(), await domains.AddActiveAsync());

        Assert.True((bool)(await DoneAsync(domains.SetDefaultAsync(one)))["isDefault"]!);
        Assert.Equal("New links use this name.", (string)(await domains.GetAsync(one))["sentence"]!);
        Assert.True((bool)(await DoneAsync(domains.SetDefaultAsync(other)))["isDefault"]!);
        Assert.Equal([other], await DefaultsAsync(domains));
        // A second call changes nothing.
        await DoneAsync(domains.SetDefaultAsync(other));
        Assert.Equal([other], await DefaultsAsync(domains));

        Assert.False((bool)(await DoneAsync(ClearAsync(domains, other)))["isDefault"]!);
        Assert.False((bool)(await DoneAsync(ClearAsync(domains, other)))["isDefault"]!);
        Assert.Empty(await DefaultsAsync(domains));
    }

    [Fact]
    public async Task A_pending_or_retired_name_cannot_be_the_default_and_the_answer_says_what_to_do()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var pending = (string)(await domains.AddAsync())["hostname"]!;
        using var notVerified = await domains.SetDefaultAsync(pending);
        await Expect.ProblemAsync(notVerified, HttpStatusCode.Conflict, "conflict", pending, "verify");

        var (before, retired) = (await domains.AddActiveAsync(), await domains.AddActiveAsync());
        await DoneAsync(domains.SetDefaultAsync(before));
        (await domains.PatchAsync(retired, """{"retired":true}""")).Dispose();
        using var noNewLinks = await domains.SetDefaultAsync(retired);
        await Expect.ProblemAsync(noNewLinks, HttpStatusCode.Conflict, "conflict", retired, "\"retired\":false");

        // The failed request has changed nothing.
        Assert.Equal([before], await DefaultsAsync(domains));
    }

    [Fact]
    public async Task A_default_that_is_retired_or_deleted_is_none_any_more()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = await domains.AddActiveAsync();
        await DoneAsync(domains.SetDefaultAsync(name));

        var domain = await DoneAsync(domains.PatchAsync(name, """{"retired":true}"""));
        Assert.False((bool)domain["isDefault"]!);

        await DoneAsync(domains.PatchAsync(name, """{"retired":false}"""));
        await DoneAsync(domains.SetDefaultAsync(name));
        await DoneAsync(domains.DeleteAsync(name));
        Assert.Empty(await DefaultsAsync(domains));
        // The cluster has no default now.
        await DoneAsync(domains.SetDefaultAsync(await domains.AddActiveAsync()));
    }

    [Fact]
    public async Task The_wish_to_become_the_default_once_verified_is_kept_and_can_be_taken_back()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var name = DomainClient.NewName();
        var domain = await PostAsync(domains.Client, domains.Path, new { hostname = name, setAsDefault = true });
        Assert.True((bool)domain["setAsDefault"]!);
        Assert.False((bool)domain["isDefault"]!);

        domain = await DoneAsync(ClearAsync(domains, name));
        Assert.False((bool)domain["setAsDefault"]!);
    }

    [Fact]
    public async Task Of_many_requests_that_set_the_default_at_once_the_last_wins_and_none_is_refused()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var names = new List<string>();
        for (var n = 0; n < 4; n++)
        {
            names.Add(await domains.AddActiveAsync());
        }

        for (var round = 0; round < 5; round++)
        {
            var answers = await Task.WhenAll(names.Select(domains.SetDefaultAsync));
            Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
            Array.ForEach(answers, answer => answer.Dispose());
            Assert.Single(await DefaultsAsync(domains));
        }
    }

    [Fact]
    public async Task A_default_that_a_verifier_sets_at_the_same_moment_does_not_leave_two()
    {
        using var domains = await DomainClient.CreateAsync(host);
        var (ours, theirs) = (await domains.AddActiveAsync(), await domains.AddActiveAsync());

        // A verifier makes a domain the default. Its transaction has not ended yet.
        await using var connection = await host.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var command = new Npgsql.NpgsqlCommand(
            "UPDATE domains.tracking_domains SET is_default = true WHERE hostname = $1", connection, transaction);
        command.Parameters.Add(new() { Value = theirs });
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var answer = domains.SetDefaultAsync(ours);
        await Servers.Eventually.HoldsAsync(
            async () => await WaitingAsync() > 0, "our change meets theirs", TestContext.Current.CancellationToken);
        await transaction.CommitAsync(TestContext.Current.CancellationToken);

        await DoneAsync(answer);
        Assert.Equal([ours], await DefaultsAsync(domains));
    }

    private async Task<long> WaitingAsync()
    {
        await using var command = host.DataSource.CreateCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()");
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    private static Task<HttpResponseMessage> ClearAsync(DomainClient domains, string name) =>
        Expect.DeleteAsync(domains.Client, $"{domains.Path}/{name}/default");

    private static async Task<string[]> DefaultsAsync(DomainClient domains) =>
        [.. (await domains.ListAsync())["items"]!.AsArray().Where(item => (bool)item!["isDefault"]!)
            .Select(item => (string)item!["hostname"]!)];

    private static async Task<JsonObject> DoneAsync(Task<HttpResponseMessage> answer)
    {
        using var response = await answer;
        return await Expect.OkAsync(response);
    }
}

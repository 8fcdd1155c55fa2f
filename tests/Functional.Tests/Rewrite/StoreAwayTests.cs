using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Database;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>The database of a running rewriter stops, hangs and comes back.</summary>
public sealed class StoreAwayTests(RewritePostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_the_database_is_away_the_answer_is_503_and_afterwards_it_works_without_a_restart()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var relay = new DatabaseRelay(database);
        await using var host = await RewriteHost.StartAsync(
            database, ("ConnectionStrings:tracking", relay.ConnectionString));
        var cluster = await host.CreateClusterAsync();
        var message = Mail.Html("away", "https://example.com/away");
        await host.AcceptedAsync(cluster, Mail.Html("before", "https://example.com/before"));

        relay.Cut();
        var clock = Stopwatch.StartNew();
        using (var response = await host.RewriteAsync(cluster, message))
        {
            await Problem.IsAsync(response, HttpStatusCode.ServiceUnavailable, null);
            Assert.True(response.Headers.RetryAfter?.Delta > TimeSpan.Zero);
            Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(20));
        }

        // Known links need no statement, but the message itself needs one.
        using (var response = await host.RewriteAsync(cluster, Mail.Html("known", "https://example.com/before")))
        {
            await Problem.IsAsync(response, HttpStatusCode.ServiceUnavailable, null);
        }

        relay.Mend();
        await Eventually.HoldsAsync(
            async () =>
            {
                using var response = await host.RewriteAsync(cluster, message);
                return response.IsSuccessStatusCode;
            },
            "rewritten again",
            Cancelled);
        Assert.Equal(2, await host.CountAsync("rewrite.messages"));
    }

    [Fact]
    public async Task A_registration_that_takes_too_long_is_503_within_its_bound()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var host = await RewriteHost.StartAsync(
            database,
            ("Tracking:Rewrite:RegistrationTimeout", "00:00:01"),
            ("Tracking:Rewrite:RetryAfter", "00:00:07"));
        var cluster = await host.CreateClusterAsync();
        await using (await host.LockAsync("rewrite.messages"))
        {
            using var response = await host.RewriteAsync(cluster, Mail.Html("slow", "https://example.com/"));
            await Problem.IsAsync(response, HttpStatusCode.ServiceUnavailable, "unavailable", "database");
            Assert.Equal(TimeSpan.FromSeconds(7), response.Headers.RetryAfter!.Delta);
        }

        await host.AcceptedAsync(cluster, Mail.Html("slow", "https://example.com/"));
    }

    [Fact]
    public async Task A_client_that_leaves_does_not_hold_up_those_after_it()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var host = await RewriteHost.StartAsync(database);
        var cluster = await host.CreateClusterAsync();
        await using (await host.LockAsync("rewrite.messages"))
        {
            using var leaving = new CancellationTokenSource();
            using var request = RewriteHost.Request(
                $"/api/v1/clusters/{cluster}/rewrite", Mail.Bytes(Mail.Html("leaves", "https://example.com/")));
            var answer = host.Admin.SendAsync(request, leaving.Token);
            await Eventually.HoldsAsync(host.SomebodyWaitsAsync, "the registration waits", Cancelled);
            await leaving.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        }

        await host.AcceptedAsync(cluster, Mail.Html("stays", "https://example.com/"));
    }

    [Fact]
    public async Task A_process_that_stops_answers_those_who_wait_with_503()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var host = await RewriteHost.StartAsync(
            database,
            ("Tracking:Rewrite:RegistrationTimeout", "00:02:00"),
            ("Tracking:Rewrite:RegistrationStopGrace", "00:00:00.1"));
        var cluster = await host.CreateClusterAsync();
        await using (await host.LockAsync("rewrite.messages"))
        {
            var waiting = host.RewriteAsync(cluster, Mail.Html("waits", "https://example.com/"));
            await Eventually.HoldsAsync(host.SomebodyWaitsAsync, "the registration waits", Cancelled);
            var stopping = host.StopAsync();
            using var response = await waiting.WaitAsync(Eventually.Deadline, Cancelled);
            await Problem.IsAsync(response, HttpStatusCode.ServiceUnavailable, "unavailable");
            await stopping.WaitAsync(Eventually.Deadline, Cancelled);
        }
    }

    [Fact]
    public async Task Directory_and_keys_keep_what_they_know_while_the_database_is_away()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var relay = new DatabaseRelay(database);
        await using var host = await RewriteHost.StartAsync(
            database, ("ConnectionStrings:tracking", relay.ConnectionString));
        var cluster = await host.CreateClusterAsync();
        var clusters = host.Services.GetRequiredService<ClusterDirectory>();
        var keys = host.Services.GetRequiredService<SigningKeyRing>();
        relay.Cut();
        await Assert.ThrowsAnyAsync<Npgsql.NpgsqlException>(() => clusters.RefreshAsync(Cancelled));
        await Assert.ThrowsAnyAsync<Npgsql.NpgsqlException>(() => keys.RefreshAsync(Cancelled));
        Assert.True(clusters.TryGet(cluster, out _));
        Assert.Equal(1, keys.Current!.Current.Version);
    }
}

using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.ServiceDefaults.Tests;

public sealed class HealthEndpointsTests
{
    [Fact]
    public async Task Live_answers_while_readiness_fails()
    {
        await using var host = await TestHost.StartAsync(add: builder => builder.Services.AddHealthChecks()
            .AddCheck("spool", () => HealthCheckResult.Unhealthy("secret"), [HealthEndpoints.Ready]));

        var (liveStatus, live) = await GetAsync(host, "/health/live");
        var (readyStatus, ready) = await GetAsync(host, "/health/ready");

        Assert.Equal((HttpStatusCode.OK, "Healthy"), (liveStatus, live.Status));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "Unhealthy"), (readyStatus, ready.Status));
        Assert.Equal("Unhealthy", ready.Checks["spool"]);
    }

    [Fact]
    public async Task Ready_names_each_check_and_its_state_and_nothing_else()
    {
        await using var host = await TestHost.StartAsync(add: builder => builder.Services.AddHealthChecks()
            .AddCheck("spool", () => HealthCheckResult.Degraded("details"), [HealthEndpoints.Ready])
            .AddCheck("not asked", () => HealthCheckResult.Unhealthy()));

        await AssertBusIsUpAsync(host);
        using var answer = await host.Client.GetAsync("/health/ready", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(
            """{"status":"Degraded","checks":{"masstransit-bus":"Healthy","spool":"Degraded"}}""",
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_database_that_is_away_makes_it_unready()
    {
        // Port 1 of the loopback interface: refused at once.
        await using var database = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Username=x;Password=y;Timeout=2");
        await using var host = await TestHost.StartAsync(add: builder => builder.Services.AddSingleton(database));

        using var answer = await host.Client.GetAsync("/health/ready", TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("\"database\":\"Unhealthy\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("127.0.0.1", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_check_that_takes_too_long_is_cut_off()
    {
        await using var host = await TestHost.StartAsync(add: builder => builder.Services.AddHealthChecks()
            .AddAsyncCheck(
                "slow",
                async cancellationToken =>
                {
                    await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
                    return HealthCheckResult.Healthy();
                },
                [HealthEndpoints.Ready]));

        var (status, ready) = await GetAsync(host, "/health/ready");

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "Unhealthy"), (status, ready.Checks["slow"]));
    }

    [Fact]
    public async Task A_check_that_never_ends_does_not_hold_the_answer()
    {
        var never = new TaskCompletionSource<HealthCheckResult>();
        await using var host = await TestHost.StartAsync(add: builder => builder.Services.AddHealthChecks()
            .AddAsyncCheck("stuck", () => never.Task, [HealthEndpoints.Ready]));

        var (status, ready) = await GetAsync(host, "/health/ready");

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "Unknown"), (status, ready.Checks["stuck"]));
        never.SetResult(HealthCheckResult.Healthy());
    }

    [Fact]
    public async Task A_flood_of_questions_is_one_question_to_what_is_asked_until_its_answer_is_old()
    {
        var (asked, time) = (0, new FakeTimeProvider());
        await using var host = await TestHost.StartAsync(add: builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(time);
            builder.Services.AddHealthChecks().AddAsyncCheck(
                "counted",
                () =>
                {
                    Interlocked.Increment(ref asked);
                    return Task.FromResult(HealthCheckResult.Healthy());
                },
                [HealthEndpoints.Ready]);
        });

        for (var round = 1; round <= 3; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => GetAsync(host, "/health/ready")));
            await GetAsync(host, "/health/ready");
            Assert.Equal(round, asked);
            time.Advance(RecentReadiness.FreshFor);
        }
    }

    [Fact]
    public async Task One_who_goes_away_does_not_take_the_answer_from_the_others()
    {
        var (asked, answer) = (new TaskCompletionSource(), new TaskCompletionSource<HealthCheckResult>());
        await using var host = await TestHost.StartAsync(add: builder => builder.Services.AddHealthChecks()
            .AddAsyncCheck(
                "slow",
                () =>
                {
                    asked.TrySetResult();
                    return answer.Task;
                },
                [HealthEndpoints.Ready]));
        using var gone = new CancellationTokenSource();
        var first = host.Client.GetAsync("/health/ready", gone.Token);
        await asked.Task.WaitAsync(TestContext.Current.CancellationToken);
        var second = GetAsync(host, "/health/ready");
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        answer.SetResult(HealthCheckResult.Healthy());
        Assert.Equal("Healthy", (await second).Answer.Checks["slow"]);
    }

    private static async Task<(HttpStatusCode Status, HealthAnswer Answer)> GetAsync(TestHost host, string path)
    {
        using var answer = await host.Client.GetAsync(path, TestContext.Current.CancellationToken);
        return (answer.StatusCode,
            (await answer.Content.ReadFromJsonAsync<HealthAnswer>(TestContext.Current.CancellationToken))!);
    }

    private static async Task AssertBusIsUpAsync(TestHost host)
    {
        var start = TimeProvider.System.GetTimestamp();
        while ((await GetAsync(host, "/health/ready")).Answer.Checks["masstransit-bus"] != "Healthy")
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(60), "The bus is not up.");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}

using System.Diagnostics;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.EventIngest;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Functional.Tests.EventIngest;

public sealed class ConsumeBatchTests(TestPostgres server)
{
    [Fact]
    public async Task A_batch_whose_acknowledgement_was_lost_is_acknowledged_again_and_not_stored_again()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var batch = SomeEvents.Batch(database.Edge, 1, database.Events(100));
        await Assert.ThrowsAsync<CrashException>(() => ConsumeAsync(database, batch, _ => throw new CrashException()));
        Assert.Equal(100, await database.CountEventsAsync());

        var acknowledged = new List<EventBatchStored>();
        await ConsumeAsync(database, batch, acknowledged.Add);

        Assert.Equal((database.Edge, 1), (acknowledged.Single().EdgeId, acknowledged.Single().Sequence));
        Assert.Equal(100, await database.CountEventsAsync());
    }

    [Fact]
    public async Task An_acknowledgement_that_fails_once_is_sent_by_the_next_attempt()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var batch = SomeEvents.Batch(database.Edge, 1, database.Events(100));
        var attempts = 0;
        await ConsumeAsync(database, batch, _ =>
        {
            if (++attempts == 1)
            {
                throw new InvalidOperationException("the bus is away");
            }
        });

        Assert.Equal(2, attempts);
        Assert.Equal(100, await database.CountEventsAsync());
    }

    [Fact]
    public async Task Batches_that_meet_a_database_outage_are_each_stored_once_when_it_is_back()
    {
        // Durable, because commits must survive the crash.
        await using var own = new TestPostgres { IsDurable = true };
        await using var database = await IngestDatabase.CreateAsync(own);
        using var ending = new CancellationTokenSource();
        var acknowledged = 0;
        var consuming = Task.Run(async () =>
        {
            for (var i = 1; !ending.IsCancellationRequested; i++)
            {
                var batch = SomeEvents.Batch(database.Edge, i, database.Events(50));
                await ConsumeAsync(database, batch, _ => Interlocked.Increment(ref acknowledged));
            }
        }, TestContext.Current.CancellationToken);

        await Eventually.HoldsAsync(
            () => Volatile.Read(ref acknowledged) > 5,
            "batches are stored",
            TestContext.Current.CancellationToken);
        await own.CrashAsync();
        var before = Volatile.Read(ref acknowledged);
        await Eventually.HoldsAsync(
            () => Volatile.Read(ref acknowledged) > before + 5,
            "storing goes on",
            TestContext.Current.CancellationToken);
        await ending.CancelAsync();
        await consuming;

        database.DataSource.Clear();
        Assert.Equal(50 * acknowledged, await database.CountEventsAsync());
        Assert.Equal(acknowledged, await database.CountAsync("ingest.batches"));
    }

    [Fact]
    public async Task A_connection_killed_during_a_batch_leaves_it_stored_once()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var batch = 0;
        var kills = 0;
        using var stop = new CancellationTokenSource();
        var killing = Task.Run(async () =>
        {
            await using var killer = NpgsqlDataSource.Create(database.ConnectionString);
            for (var killed = 0; !stop.IsCancellationRequested;)
            {
                // Kills during a transaction, once per batch, so that each batch succeeds even on a slow machine.
                var current = Volatile.Read(ref batch);
                await using var kill = killer.CreateCommand(
                    """
                    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
                        AND backend_type = 'client backend' AND $1
                    """);
                kill.Parameters.Add(new() { Value = current != killed });
                if (await kill.ExecuteScalarAsync(CancellationToken.None) is > 0L)
                {
                    killed = current;
                    kills++;
                }
            }
        }, CancellationToken.None);

        for (var i = 1; i <= 30; i++)
        {
            Volatile.Write(ref batch, i);
            await ConsumeAsync(database, SomeEvents.Batch(database.Edge, i, database.Events(200)), _ => { });
        }

        await stop.CancelAsync();
        await killing;
        Assert.NotEqual(0, kills);
        database.DataSource.Clear();
        Assert.Equal(6000, await database.CountEventsAsync());
    }

    [Fact]
    public async Task A_batch_sent_over_the_bus_is_stored_and_acknowledged_on_the_queue_of_its_edge()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var acknowledged = new TaskCompletionSource<EventBatchStored>(
            TaskCreationOptions.RunContinuationsAsynchronously);
        await using var app = IngestHost(database, acknowledged.SetResult);
        await app.StartAsync(TestContext.Current.CancellationToken);
        await SendAsync(app, SomeEvents.Batch(database.Edge, 3, database.Events(100)));

        var stored = await acknowledged.Task.WaitAsync(
            Eventually.Deadline, TestContext.Current.CancellationToken);
        Assert.Equal((database.Edge, 3), (stored.EdgeId, stored.Sequence));
        Assert.Equal(100, await database.CountEventsAsync());
        await app.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_batch_that_faults_is_given_back_and_others_go_on()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var acknowledged = new TaskCompletionSource<EventBatchStored>(
            TaskCreationOptions.RunContinuationsAsynchronously);
        await using var app = IngestHost(database, acknowledged.SetResult);
        await app.StartAsync(TestContext.Current.CancellationToken);
        for (var i = 1; i <= 5; i++)
        {
            await SendAsync(app, SomeEvents.Batch(database.Edge, i, database.Events(1)) with { Events = null! });
        }

        await SendAsync(app, SomeEvents.Batch(database.Edge, 6, database.Events(100)));

        var stored = await acknowledged.Task.WaitAsync(
            Eventually.Deadline, TestContext.Current.CancellationToken);
        Assert.Equal(6, stored.Sequence);
        Assert.Equal(1, await database.CountAsync("ingest.batches"));
    }

    [Fact]
    public async Task The_service_stops_at_once_while_a_batch_waits_for_the_database()
    {
        await using var own = new TestPostgres();
        await using var database = await IngestDatabase.CreateAsync(own);
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var app = IngestHost(
            database, _ => { }, log: new OnMessage("is not stored after attempt 1,", waiting));
        await app.StartAsync(TestContext.Current.CancellationToken);
        await own.StopAsync();
        await SendAsync(app, SomeEvents.Batch(database.Edge, 1, database.Events(10)));
        await waiting.Task.WaitAsync(Eventually.Deadline, TestContext.Current.CancellationToken);

        var stopping = Stopwatch.StartNew();
        await app.StopAsync(TestContext.Current.CancellationToken);

        Assert.True(stopping.Elapsed < TimeSpan.FromSeconds(5), $"{stopping.Elapsed}");
    }

    [Theory]
    [InlineData("ConcurrentBatches", "0")]
    [InlineData("ConcurentBatches", "2")]
    public async Task A_wrong_or_unknown_setting_stops_the_start(string key, string value)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] =
                await server.CreateEmptyDatabaseAsync(TestContext.Current.CancellationToken),
            [$"Tracking:EventIngest:{key}"] = value,
        });
        builder.AddServiceDefaults();
        builder.AddEventIngest();
        using var host = builder.Build();

        var exception = await Assert.ThrowsAnyAsync<Exception>(
            () => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains(key, exception.Message, StringComparison.Ordinal);
    }

    private static WebApplication IngestHost(
        IngestDatabase database, Action<EventBatchStored> acknowledged, ILoggerProvider? log = null)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        if (log is not null)
        {
            builder.Logging.AddProvider(log);
        }

        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = ServiceLogins.Of(database.ConnectionString, "ingest"),
            ["Tracking:EventIngest:FirstRetry"] = "00:00:30",
            ["Tracking:EventIngest:AttemptsAfterFault"] = "1",
        });
        builder.AddServiceDefaults();
        builder.AddEventIngest();
        builder.Services.AddSingleton(new BusEndpoint(QueueNames.Acknowledgements(database.Edge), (_, queue) =>
            queue.Handler<EventBatchStored>(context =>
            {
                acknowledged(context.Message);
                return Task.CompletedTask;
            })));
        builder.WebHost.UseSetting("urls", "http://127.0.0.1:0");
        var app = builder.Build();
        app.MapEventIngest();
        return app;
    }

    private static async Task SendAsync(WebApplication app, StoreEventBatch batch)
    {
        var queue = await app.Services.GetRequiredService<IBus>()
            .GetSendEndpoint(Messaging.Queue(QueueNames.StoreEvents));
        await queue.Send(batch, TestContext.Current.CancellationToken);
    }

    private static Task ConsumeAsync(
        IngestDatabase database, StoreEventBatch batch, Action<EventBatchStored> acknowledge) =>
        database.Consume.RunAsync(
            batch,
            (stored, _) =>
            {
                acknowledge(stored);
                return Task.CompletedTask;
            },
            TestContext.Current.CancellationToken);

    private sealed class CrashException : Exception;

    /// <summary>Signals that a line was logged.</summary>
    private sealed class OnMessage(string part, TaskCompletionSource seen) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (formatter(state, exception).Contains(part, StringComparison.Ordinal))
            {
                seen.TrySetResult();
            }
        }
    }
}

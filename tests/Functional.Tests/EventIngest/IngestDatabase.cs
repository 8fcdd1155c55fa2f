using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.EventIngest;
using Tracking.EventIngest.Batches;
using Tracking.EventIngest.Bots;
using Tracking.EventIngest.Partitions;
using Tracking.EventIngest.Privacy;
using Tracking.EventIngest.Review;
using Tracking.EventIngest.Statistics;
using Tracking.EventIngest.Webhooks;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.Servers;
using Tracking.Webhooks;

namespace Tracking.Functional.Tests.EventIngest;

/// <summary>A database with the whole schema and one cluster, and the parts of EventIngest on it.</summary>
internal sealed class IngestDatabase : IAsyncDisposable
{
    private readonly NpgsqlDataSource _own;
    private readonly IngestTelemetry _telemetry;
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    private IngestDatabase(string connectionString, Func<string, string> way)
    {
        ConnectionString = connectionString;
        DataSource = NpgsqlDataSource.Create(connectionString);
        _own = NpgsqlDataSource.Create(way(ServiceLogins.Of(connectionString, "ingest")));
        Directory = new ClusterDirectory(_own, NullLogger<ClusterDirectory>.Instance);
        var wrapped = Options.Create(Settings);
        var telemetry = ActivatorUtilities.CreateInstance<IngestTelemetry>(_services);
        Endpoints = NewEndpoints();
        _telemetry = telemetry;
        Store = NewStore(Endpoints);
        Trace = new TraceEvents(_own, NullLogger<TraceEvents>.Instance);
        Consume = new ConsumeBatch(
            Store, Trace, new NeverStopping(), TimeProvider.System, wrapped, NullLogger<ConsumeBatch>.Instance);
        Prune = new PruneBatches(_own, wrapped, TimeProvider.System, NullLogger<PruneBatches>.Instance);
        Merge = new MergeChanges(_own, wrapped, TimeProvider.System, NullLogger<MergeChanges>.Instance);
        Rebuild = new RebuildCounters(_own, new FindAttributes(_own), NullLogger<RebuildCounters>.Instance);
        Review = new ReviewMessages(
            _own, new ReviseVerdicts(
                new FindAttributes(_own), new EnqueueRevisions(Endpoints, TimeProvider.System), new ClassifyEvent(),
                TimeProvider.System),
            new ClassifyEvent(), Options.Create(Classification), TimeProvider.System,
            NullLogger<ReviewMessages>.Instance);
        Partitions = new CreatePartitions(
            _own, wrapped, TimeProvider.System, telemetry, NullLogger<CreatePartitions>.Instance);
    }

    public KeptLog<FindPolicies> Log { get; } = new();

    public string ConnectionString { get; }

    /// <summary>The test's own connections.</summary>
    public NpgsqlDataSource DataSource { get; }

    public ClusterDirectory Directory { get; }

    public IMeterFactory Meters => _services.GetRequiredService<IMeterFactory>();

    public EventIngestOptions Settings { get; } = new()
    {
        FirstRetry = TimeSpan.FromMilliseconds(20),
        LongestRetry = TimeSpan.FromMilliseconds(200),
    };

    /// <summary>Reviews are due at once.</summary>
    public ClassificationOptions Classification { get; } = new() { ReviewAfter = TimeSpan.Zero };

    public ReviewMessages Review { get; }

    public ClusterId Cluster { get; } = ClusterId.NewRandom();

    public StoreBatch Store { get; }

    /// <summary>The webhook endpoints that are known when events are stored.</summary>
    public KnownEndpoints Endpoints { get; }

    /// <summary>The service's own connections.</summary>
    public NpgsqlDataSource Own => _own;

    public TraceEvents Trace { get; }

    public ConsumeBatch Consume { get; }

    public PruneBatches Prune { get; }

    public CreatePartitions Partitions { get; }

    public MergeChanges Merge { get; }

    public RebuildCounters Rebuild { get; }

    public Guid Edge { get; } = Guid.NewGuid();

    /// <param name="server">The server.</param>
    /// <param name="settings">The cluster's settings.</param>
    /// <param name="way">Changes the service's connection string, for example to a relay.</param>
    public static async Task<IngestDatabase> CreateAsync(
        TestPostgres server, ClusterSettings? settings = null, Func<string, string>? way = null)
    {
        var database = new IngestDatabase(
            await server.CreateDatabaseAsync(TestContext.Current.CancellationToken), way ?? (straight => straight));
        await database.AddClusterAsync(
            database.Cluster, settings ?? new ClusterSettings { AddressPolicy = AddressPolicy.Full });
        await database.Directory.RefreshAsync(TestContext.Current.CancellationToken);
        return database;
    }

    /// <summary>The endpoints of a process that has just started.</summary>
    public KnownEndpoints NewEndpoints() => new(
        _own, Options.Create(new WebhookOptions()), TimeProvider.System, NullLogger<KnownEndpoints>.Instance);

    /// <summary>The store of a process that knows these endpoints.</summary>
    public StoreBatch NewStore(KnownEndpoints endpoints) => new(
        _own, new FindPolicies(Directory, _own, Log), new FindAttributes(_own), new ClassifyEvent(),
        new EnqueueDeliveries(endpoints, TimeProvider.System), _telemetry, TimeProvider.System, Options.Create(
            Settings),
        Options.Create(Classification), NullLogger<StoreBatch>.Instance);

    public Task AddClusterAsync(ClusterId id, ClusterSettings settings, bool isDeleted = false) => ExecuteAsync(
        "INSERT INTO management.clusters (id, name, settings, deleted_at) VALUES ($1, $2, $3::jsonb, $4)",
        id.Value, id.ToString(), JsonSerializer.Serialize(settings, ClusterSettings.Json),
        isDeleted ? DateTime.UnixEpoch : DBNull.Value);

    /// <summary>An event at the present time in this database's cluster.</summary>
    public SomeEvent Event() => new() { Time = TimeProvider.System.GetUtcNow(), Cluster = Cluster };

    public IEnumerable<SomeEvent> Events(int count) => Enumerable.Range(0, count).Select(
        i => Event() with { Link = (ulong)(i % 80) + 1, Ordinal = (ushort)(i % 80) });

    public Task<StoreOutcome> StoreAsync(Contracts.StoreEventBatch batch) =>
        Store.RunAsync(batch, [], TestContext.Current.CancellationToken);

    public async Task<long> CountAsync(string table) =>
        (long)(await ScalarAsync($"SELECT count(*) FROM {table}"))!;

    /// <summary>The number of rows. Also checks the number of counted events against the counters.</summary>
    public async Task<long> CountEventsAsync()
    {
        var rows = await CountAsync("ingest.events");
        var totals = await ScalarAsync(
            """
            SELECT coalesce(sum(clicks_people + clicks_machines + opens_people + opens_machines + others), 0)::bigint
            FROM ingest.counted WHERE dimension = 0
            """);
        Assert.Equal(await CountAsync("ingest.events WHERE uncounted IS NULL"), totals);
        return rows;
    }

    public async Task<object?> ScalarAsync(string sql, params object[] parameters)
    {
        await using var command = Command(sql, parameters);
        var value = await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
        return value is DBNull ? null : value;
    }

    public async Task ExecuteAsync(string sql, params object[] parameters)
    {
        await using var command = Command(sql, parameters);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Endpoints.Dispose();
        await _own.DisposeAsync();
        await DataSource.DisposeAsync();
        await _services.DisposeAsync();
    }

    private sealed class NeverStopping : IHostApplicationLifetime
    {
        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => CancellationToken.None;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication()
        {
        }
    }

    private NpgsqlCommand Command(string sql, object[] parameters)
    {
        var command = DataSource.CreateCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        }

        return command;
    }
}

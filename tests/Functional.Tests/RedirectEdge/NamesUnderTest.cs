using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Hosts;
using Tracking.Functional.Tests.SharedCache;
using Tracking.Servers;
using Tracking.SharedCache;

namespace Tracking.Functional.Tests.RedirectEdge;

/// <summary>The tracking hosts of one process, refreshed as in a host, with their own metrics.</summary>
internal sealed class NamesUnderTest : IAsyncDisposable
{
    private readonly NpgsqlDataSource _database;
    private readonly RefreshTrackingHosts _refresh;
    private bool _isKeptFresh;

    /// <param name="database">A connection string; <see langword="null"/> for an unavailable database.</param>
    /// <param name="cache">Receives the metrics. Also the shared cache if it was started.</param>
    /// <param name="change">Changes the settings.</param>
    /// <param name="refresh">How often PostgreSQL is asked for changes.</param>
    public NamesUnderTest(
        string? database, CacheUser cache, Action<TrackingHostsOptions>? change = null, TimeSpan? refresh = null)
    {
        _database = NpgsqlDataSource.Create(database ?? "Host=127.0.0.1;Port=1;Timeout=1");
        Cache = cache;
        var options = new TrackingHostsOptions { LookupTimeout = CacheUser.Patient };
        change?.Invoke(options);
        var system = Options.Create(new SystemOptions { DirectoryRefresh = refresh ?? TimeSpan.FromMinutes(1) });
        Hosts = new TrackingHosts(
            _database,
            Options.Create(options),
            system,
            TimeProvider.System,
            new TrackingHostsTelemetry(cache),
            NullLogger<TrackingHosts>.Instance,
            LookUpTrackingHosts.Over(cache.Cache));
        _refresh = new RefreshTrackingHosts(
            Hosts, system, TimeProvider.System, NullLogger<RefreshTrackingHosts>.Instance);
    }

    public CacheUser Cache { get; }

    public TrackingHosts Hosts { get; }

    /// <summary>The number of queries for single names.</summary>
    public long Queries => Found + Nobody;

    public long Found => Cache["tracking.hosts.lookups/found"];

    public long Nobody => Cache["tracking.hosts.lookups/nobody"];

    public long Shared => Cache["tracking.hosts.lookups/shared"];

    public long Reloaded => Cache["tracking.hosts.reloaded"];

    /// <summary>Starts the refresh. Returns when PostgreSQL has been asked for the first time.</summary>
    public async Task KeepFreshAsync(CancellationToken cancellationToken)
    {
        _isKeptFresh = true;
        await _refresh.StartAsync(cancellationToken);
        await Eventually.HoldsAsync(() => Hosts.IsCaughtUp, "PostgreSQL is asked", cancellationToken);
    }

    public async Task<TrackingHost?> FindAsync(string name)
    {
        var found = await Hosts.FindAsync(name, isAnybodys: true);
        Assert.NotEqual(HostLookup.Unavailable, found.Outcome);
        return found.Host;
    }

    /// <summary>Names without a database.</summary>
    public static TrackingHosts Without(TimeProvider time) => new(
        NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Timeout=1"),
        Options.Create(new TrackingHostsOptions()),
        Options.Create(new SystemOptions()),
        time,
        new TrackingHostsTelemetry(new CacheUser("127.0.0.1:1")),
        NullLogger<TrackingHosts>.Instance);

    public async ValueTask DisposeAsync()
    {
        if (_isKeptFresh)
        {
            await _refresh.StopAsync(CancellationToken.None);
        }

        _refresh.Dispose();
        Hosts.Dispose();
        await _database.DisposeAsync();
        await Cache.DisposeAsync();
    }
}

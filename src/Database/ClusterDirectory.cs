using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Database.Privacy;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>The data of a cluster that services need. The cluster is not deleted.</summary>
/// <param name="Id">The cluster.</param>
/// <param name="Settings">Its settings.</param>
public sealed record DirectoryCluster(ClusterId Id, ClusterSettings Settings)
{
    private volatile TrackingHost? _defaultDomain;

    /// <summary>What may be stored of its events.</summary>
    public ClusterPolicy Policy { get; } = ClusterPolicy.From(Settings);

    /// <summary>Its default tracking domain; <see langword="null"/> without one.</summary>
    public TrackingHost? DefaultDomain
    {
        get => _defaultDomain;
        init => _defaultDomain = value;
    }

    internal void Replace(TrackingHost? defaultDomain) => _defaultDomain = defaultDomain;
}

/// <summary>
/// All clusters, sending domains and default tracking domains, in memory, so that a lookup never waits. They are read
/// at start, when the bus announces a change, and every <see cref="SystemOptions.DirectoryRefresh"/>. While the
/// database is unavailable, the last snapshot stays in use.
/// </summary>
public sealed partial class ClusterDirectory(
    NpgsqlDataSource dataSource, ILogger<ClusterDirectory> logger, TimeProvider? time = null)
{
    private const string Defaults =
        $"SELECT {ReadTrackingHosts.Columns} FROM domains.tracking_domains WHERE is_default";

    private readonly Lock _replacing = new();
    private readonly Dictionary<ClusterId, long> _laterDefaults = [];
    private long _begun;
    private long _replaced;
    private volatile FrozenDictionary<ClusterId, long>? _removed;
    private volatile Snapshot _snapshot = new(
        FrozenDictionary<ClusterId, DirectoryCluster>.Empty,
        FrozenDictionary<string, ClusterId>.Empty,
        [],
        DateTimeOffset.MinValue);

    /// <summary>All clusters that are not deleted.</summary>
    public IReadOnlyCollection<DirectoryCluster> All
    {
        get
        {
            IReadOnlyList<DirectoryCluster> clusters = _snapshot.Clusters.Values;
            return _removed is null ? clusters : [.. clusters.Where(cluster => !IsRemoved(cluster.Id))];
        }
    }

    /// <summary>All clusters that are not deleted, and when their read from the database began.</summary>
    public (IReadOnlyList<ClusterId> Clusters, DateTimeOffset ReadAt) Living
    {
        get
        {
            var snapshot = _snapshot;
            IReadOnlyList<ClusterId> clusters = snapshot.Clusters.Keys;
            return (_removed is null ? clusters : [.. clusters.Where(id => !IsRemoved(id))], snapshot.ReadAt);
        }
    }

    /// <summary>Clusters whose settings could not be read; <see langword="null"/> before a first snapshot.</summary>
    internal int? UnreadableCount => IsLoaded ? _snapshot.Unreadable.Count : null;

    /// <summary>Whether a first snapshot has been read.</summary>
    public bool IsLoaded { get; private set; }

    /// <summary>Finds a cluster that is not deleted.</summary>
    public bool TryGet(ClusterId id, [NotNullWhen(true)] out DirectoryCluster? cluster)
    {
        cluster = null;
        return !IsRemoved(id) && _snapshot.Clusters.TryGetValue(id, out cluster);
    }

    /// <summary>Whether a deletion of the cluster was announced after the last read of the database began.</summary>
    public bool IsRemoved(ClusterId id) => _removed is { } removed && removed.ContainsKey(id);

    /// <summary>Removes a deleted cluster at once, without a read of the database. A later read of the database has the
    /// last word.</summary>
    public void Remove(ClusterId id)
    {
        lock (_replacing)
        {
            var removed = new Dictionary<ClusterId, long>(_removed ?? FrozenDictionary<ClusterId, long>.Empty)
            {
                [id] = Interlocked.Read(ref _begun),
            };
            _removed = removed.ToFrozenDictionary();
        }
    }

    /// <summary>
    /// Finds a cluster that is not deleted. A cluster that is not in memory is looked up in the database, because
    /// another process may just have created it.
    /// </summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async ValueTask<DirectoryCluster?> FindAsync(ClusterId id, CancellationToken cancellationToken)
    {
        if (!TryGet(id, out var found))
        {
            await RefreshAsync(cancellationToken);
            TryGet(id, out found);
        }

        return found;
    }

    /// <summary>As <see cref="FindAsync(ClusterId, CancellationToken)"/>, by the text form of the id.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async ValueTask<DirectoryCluster?> FindAsync(string id, CancellationToken cancellationToken) =>
        ClusterId.TryParse(id, out var cluster) ? await FindAsync(cluster, cancellationToken) : null;

    /// <summary>Finds the cluster with a sending domain (A-labels, lower case).</summary>
    public bool TryGetBySendingDomain(string domain, [NotNullWhen(true)] out DirectoryCluster? cluster)
    {
        var snapshot = _snapshot;
        cluster = null;
        return snapshot.SendingDomains.TryGetValue(domain, out var id)
            && !IsRemoved(id)
            && snapshot.Clusters.TryGetValue(id, out cluster);
    }

    /// <summary>
    /// Reads everything again and replaces the snapshot. After the call, all commits before the call are in memory,
    /// even if other refreshes run at the same time.
    /// </summary>
    /// <exception cref="NpgsqlException">The database is unavailable. The old snapshot stays.</exception>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var reading = Interlocked.Increment(ref _begun);
        var readAt = (time ?? TimeProvider.System).GetUtcNow();
        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            "SELECT id, settings FROM management.clusters WHERE deleted_at IS NULL"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            "SELECT domain, cluster_id FROM management.sending_domains"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Defaults));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);

        var clusters = new Dictionary<ClusterId, DirectoryCluster>();
        var unreadable = new Dictionary<ClusterId, UnreadableSettings>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var id = new ClusterId(reader.GetInt32(0));
            var json = reader.GetString(1);
            if (ClusterSettings.TryRead(json, out var wrong) is not { } settings)
            {
                unreadable.Add(id, new UnreadableSettings(json, wrong));
                settings = InPlaceOfUnreadable(id);
            }

            clusters.Add(id, new DirectoryCluster(id, settings));
        }

        await reader.NextResultAsync(cancellationToken);
        var domains = new Dictionary<string, ClusterId>(StringComparer.OrdinalIgnoreCase);
        while (await reader.ReadAsync(cancellationToken))
        {
            domains[reader.GetString(0)] = new ClusterId(reader.GetInt32(1));
        }

        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var host = ReadTrackingHosts.Read(reader);
            clusters.GetValueOrDefault(host.Cluster)?.Replace(host);
        }

        var snapshot = new Snapshot(
            clusters.ToFrozenDictionary(),
            domains.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase),
            unreadable,
            readAt);
        IReadOnlyDictionary<ClusterId, UnreadableSettings> told = unreadable;
        lock (_replacing)
        {
            // A read that began later saw at least the same rows, so this read must not replace its result.
            if (reading > _replaced)
            {
                told = _snapshot.Unreadable;
                KeepLaterDefaults(clusters, reading);
                (_snapshot, _replaced, IsLoaded) = (snapshot, reading, true);
                if (_removed is { } removed)
                {
                    // A read that began before the announcement of the deletion may still contain the cluster.
                    var later = removed.Where(entry => entry.Value >= reading).ToFrozenDictionary();
                    _removed = later.Count == 0 ? null : later;
                }
            }
        }

        // Unreadable settings are logged once, not at every refresh.
        foreach (var (id, settings) in unreadable)
        {
            if (!told.TryGetValue(id, out var before) || before != settings)
            {
                LogUnreadable(id, settings.Wrong);
            }
        }
    }

    /// <summary>Reads one cluster's default tracking domain again.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable. The old domain stays.</exception>
    public async Task RefreshDefaultAsync(ClusterId id, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Defaults + " AND cluster_id = $1");
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = id.Value });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var host = await reader.ReadAsync(cancellationToken) ? ReadTrackingHosts.Read(reader) : null;
        lock (_replacing)
        {
            if (_snapshot.Clusters.TryGetValue(id, out var cluster))
            {
                cluster.Replace(host);
                _laterDefaults[id] = Interlocked.Read(ref _begun);
            }
        }
    }

    // A default that was read for one cluster during the read of all clusters is newer than the result of that read.
    private void KeepLaterDefaults(Dictionary<ClusterId, DirectoryCluster> clusters, long reading)
    {
        foreach (var (id, begun) in _laterDefaults)
        {
            if (begun < reading)
            {
                _laterDefaults.Remove(id);
            }
            else if (clusters.TryGetValue(id, out var cluster))
            {
                cluster.Replace(_snapshot.Clusters.GetValueOrDefault(id)?.DefaultDomain);
            }
        }
    }

    // A newer version wrote the settings during a rolling upgrade, or somebody wrote them by hand. The links of this
    // cluster and of all others must keep working. What the settings say about tracking is unknown, so nothing new is
    // tracked.
    private ClusterSettings InPlaceOfUnreadable(ClusterId id) => TryGet(id, out var before)
        ? before.Settings
        : ClusterSettings.InPlaceOfUnreadable;

    [LoggerMessage(Level = LogLevel.Warning, Message = "The settings of cluster {Cluster} cannot be read at {Path}: a "
        + "newer version may have written them. The settings read earlier stay; without them nothing is tracked")]
    private partial void LogUnreadable(ClusterId cluster, string path);

    private sealed record UnreadableSettings(string Json, string Wrong);

    private sealed record Snapshot(
        FrozenDictionary<ClusterId, DirectoryCluster> Clusters,
        FrozenDictionary<string, ClusterId> SendingDomains,
        Dictionary<ClusterId, UnreadableSettings> Unreadable,
        DateTimeOffset ReadAt);
}

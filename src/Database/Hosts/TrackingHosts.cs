using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Links;

namespace Tracking.Database.Hosts;

/// <summary>The result of a look-up.</summary>
public enum HostLookup
{
    /// <summary>The name is a tracking domain.</summary>
    Found,

    /// <summary>The name is no tracking domain.</summary>
    Nobody,

    /// <summary>The name is not in memory, and the database does not answer or too many unknown names are looked
    /// up.</summary>
    Unavailable,
}

/// <summary>A looked-up name; its domains are set when <see cref="HostLookup.Found"/>.</summary>
public readonly record struct FoundHost(HostLookup Outcome, TrackingHost? Host);

/// <summary>
/// Finds tracking domains by their name: in memory, then in the shared cache if there is one, then in PostgreSQL.
/// Requests for the same name at the same time share one query. Names in memory do not expire. They are read again
/// after a change, which the bus announces (<see cref="Heed"/>) or which a poll of PostgreSQL every
/// <see cref="SystemOptions.DirectoryRefresh"/> finds (<see cref="RefreshTrackingHosts"/>). While both are unavailable,
/// names stay as last read. <see cref="ClusterDirectory"/> knows whether the cluster of a name was deleted.
/// </summary>
public sealed partial class TrackingHosts : IDisposable
{
    private readonly NpgsqlDataSource _dataSource;
    private readonly TrackingHostsOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<TrackingHosts> _logger;
    private readonly TrackingHostsTelemetry _telemetry;
    private readonly SharedTrackingHosts? _shared;
    private readonly HostMemory _memory;
    private readonly UnknownHosts _unknown;
    private readonly ToldHosts _told;
    private readonly ConcurrentDictionary<string, Asking> _asking = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, bool> _reloading = new(StringComparer.OrdinalIgnoreCase);
    private readonly SemaphoreSlim _connections;
    private readonly SemaphoreSlim _wanted = new(0, 1);
    private readonly string _zone;
    private ulong _horizon;
    private ulong _sharedHorizon;

    /// <summary>Makes an instance that has read nothing yet.</summary>
    public TrackingHosts(
        NpgsqlDataSource dataSource,
        IOptions<TrackingHostsOptions> options,
        IOptions<SystemOptions> system,
        TimeProvider time,
        TrackingHostsTelemetry telemetry,
        ILogger<TrackingHosts> logger,
        SharedTrackingHosts? shared = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(telemetry);
        (_dataSource, _options, _time, _logger) = (dataSource, options.Value, time, logger);
        (_telemetry, _shared) = (telemetry, shared);
        _memory = new HostMemory(_options.MaxNames);
        _unknown = new UnknownHosts(_options, time);
        _told = new ToldHosts(time);
        _connections = new SemaphoreSlim(_options.MaxLookups);
        _zone = HostName.TryParse(system.Value.SystemZone ?? system.Value.SystemHost, out var zone) ? zone.Value : "";
        telemetry.Observe(() => _memory.Count);
    }

    /// <summary>A callback for each change of a name in memory, with the name's domains before and after. The reading
    /// thread calls it, so it must be cheap. A look-up in memory does not call it.</summary>
    public Action<string, TrackingHost?, TrackingHost?>? Changed { get; set; }

    /// <summary>The number of tracking domains' names in memory.</summary>
    public int Count => _memory.Count;

    /// <summary>The number of unknown names in memory.</summary>
    public int UnknownCount => _unknown.Count;

    /// <summary>All names in memory, the oldest entries first.</summary>
    public IReadOnlyList<TrackingHost> ToList() => _memory.ToList();

    /// <summary>Looks in memory only. Allocates nothing and never waits.</summary>
    /// <param name="name">A host without port and final dot, any case.</param>
    /// <param name="host">The name's domains; <see langword="null"/> when it is no tracking domain.</param>
    /// <returns><see langword="false"/> when the name is not in memory, so that <see cref="FindAsync"/> must
    /// look.</returns>
    public bool TryGet(ReadOnlySpan<char> name, out TrackingHost? host)
    {
        if (_memory.TryGet(name, out var found))
        {
            host = found;
            return true;
        }

        host = null;
        return _unknown.Contains(name);
    }

    /// <summary>Finds a name. A database that is unavailable or slow causes no exception.</summary>
    /// <param name="name">A host without port and final dot, any case.</param>
    /// <param name="isAnybodys">Whether the name comes from an unauthenticated request. Then
    /// <see cref="TrackingHostsOptions.UnknownPerSecond"/> limits the look-ups.</param>
    public ValueTask<FoundHost> FindAsync(string name, bool isAnybodys)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (TryGet(name, out var host))
        {
            return new(new FoundHost(host is null ? HostLookup.Nobody : HostLookup.Found, host));
        }

        if (!MayBeTrackingHost(name, out var hostname))
        {
            return new(new FoundHost(HostLookup.Nobody, null));
        }

        // In memory names are A-labels.
        if (hostname != name && TryGet(hostname, out host))
        {
            return new(new FoundHost(host is null ? HostLookup.Nobody : HostLookup.Found, host));
        }

        if (isAnybodys && !_unknown.MayAsk() && !_asking.ContainsKey(hostname))
        {
            _telemetry.LookedUp("refused");
            return new(new FoundHost(HostLookup.Unavailable, null));
        }

        // The query has no request's cancellation: the first request may end while others wait for the answer.
        return new(_asking.GetOrAdd(hostname, static (key, self) => new Asking(self, key), this).Answer);
    }

    /// <summary>Handles a change of a name: the name is read again. If its links stop, it is removed from memory at
    /// once.</summary>
    public void Heed(HostChange change)
    {
        ArgumentNullException.ThrowIfNull(change);

        // The shared cache may have the old state.
        var name = change.Hostname;
        _told.Add(name);
        _unknown.Remove(name);

        // The marks come first: a reader checks them after it has put its result into memory.
        _outdated?.TryAdd(name, true);
        if (_asking.TryGetValue(name, out var asking))
        {
            asking.IsOutdated = true;
        }

        if (change.IsGone && _memory.Remove(name) is { } before)
        {
            Changed?.Invoke(name, before, null);
        }

        ReadAgain(name);
    }

    /// <summary>Takes the names of an earlier run. They are read again as soon as the database answers.</summary>
    public void Restore(IEnumerable<TrackingHost> hosts)
    {
        ArgumentNullException.ThrowIfNull(hosts);
        foreach (var host in hosts)
        {
            // A name that is already in memory is newer.
            if (!_memory.Contains(host.Hostname))
            {
                _memory.Put(host);
            }
        }

        // Before the first poll nothing is to do, because the first poll has all names read again.
        if (Volatile.Read(ref _horizon) != 0)
        {
            Interlocked.Increment(ref _allWanted);
            Wake();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _connections.Dispose();
        _wanted.Dispose();
    }

    /// <summary>Whether a name can be a tracking domain: three labels at least, and no verification target.</summary>
    internal bool MayBeTrackingHost(string name, out string hostname)
    {
        hostname = "";
        if (!HostName.TryParse(name, out var parsed))
        {
            return false;
        }

        hostname = parsed.Value;
        var dot = hostname.IndexOf('.', StringComparison.Ordinal);
        return dot > 0
            && hostname.AsSpan(dot + 1).Contains('.')
            && !(hostname.StartsWith("v-", StringComparison.Ordinal) && hostname.AsSpan(dot + 1).SequenceEqual(_zone));
    }

    private void ReadAgain(string name)
    {
        if (_memory.Contains(name) && _reloading.TryAdd(name, true))
        {
            Wake();
        }
    }

    private void Put(TrackingHost host)
    {
        var before = _memory.Put(host);
        Changed?.Invoke(host.Hostname, before, host);
    }

    private void Wake()
    {
        try
        {
            _wanted.Release();
        }
        catch (SemaphoreFullException)
        {
            // The reader is already woken and has not begun to look.
        }
        catch (ObjectDisposedException)
        {
            // The process stops, but a message of the bus still arrived.
        }
    }
}

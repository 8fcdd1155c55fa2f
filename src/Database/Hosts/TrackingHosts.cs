using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Links;

namespace Tracking.Database.Hosts;

/// <summary>How looking for a name ended.</summary>
public enum HostLookup
{
    /// <summary>Somebody has it.</summary>
    Found,

    /// <summary>Nobody has it.</summary>
    Nobody,

    /// <summary>It is not in memory, and the database does not answer, or too many unknown names are asked
    /// for.</summary>
    Unavailable,
}

/// <summary>A looked-up name; its domains are set when <see cref="HostLookup.Found"/>.</summary>
public readonly record struct FoundHost(HostLookup Outcome, TrackingHost? Host);

/// <summary>
/// Tracking domains by their name: in memory, else in the shared cache where there is one, else in PostgreSQL with one
/// query a name however many ask at the time. What is in memory never expires: it is read again when it changes, which
/// the bus tells (<see cref="Heed"/>), and without the bus PostgreSQL every
/// <see cref="SystemOptions.DirectoryRefresh"/> (<see cref="RefreshTrackingHosts"/>). While both are away everything
/// stays as it was last read. Whether the cluster of a name still lives, <see cref="ClusterDirectory"/> knows.
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

    /// <summary>Makes it; nothing is read yet.</summary>
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

    /// <summary>Names in memory.</summary>
    public int Count => _memory.Count;

    /// <summary>Names remembered as nobody's.</summary>
    public int UnknownCount => _unknown.Count;

    /// <summary>All names in memory, those longest here first.</summary>
    public IReadOnlyList<TrackingHost> ToList() => _memory.ToList();

    /// <summary>Looks in memory alone: allocates nothing and never waits.</summary>
    /// <param name="name">A host without port and final dot, any case.</param>
    /// <param name="host">Its domains; <see langword="null"/> when it is nobody's.</param>
    /// <returns><see langword="false"/> when only <see cref="FindAsync"/> can tell.</returns>
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

    /// <summary>Looks for a name. Never throws for a database that is away or slow.</summary>
    /// <param name="name">A host without port and final dot, any case.</param>
    /// <param name="isAnybodys">Whether anybody may have asked: then only so many names that nobody has are looked up
    /// in a second.</param>
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

        // In memory names stand as A-labels.
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

    /// <summary>A name changed: what is in memory of it is read again; at once it is nobody's if its links
    /// stop.</summary>
    public void Heed(HostChange change)
    {
        ArgumentNullException.ThrowIfNull(change);

        // The shared cache may hold it as it was.
        var name = change.Hostname;
        _told.Add(name);
        _unknown.Remove(name);

        // In this order: whoever is reading it looks for these marks after he has put his answer into memory.
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

    /// <summary>Takes what an earlier run knew; read again as soon as the database answers.</summary>
    public void Restore(IEnumerable<TrackingHost> hosts)
    {
        ArgumentNullException.ThrowIfNull(hosts);
        foreach (var host in hosts)
        {
            // What has been read since is newer.
            if (!_memory.Contains(host.Hostname))
            {
                _memory.Put(host);
            }
        }

        // Before the first question to PostgreSQL that is what the first one does.
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
            // Somebody is woken already and has not begun to look.
        }
        catch (ObjectDisposedException)
        {
            // The process stops, and the bus still tells.
        }
    }
}

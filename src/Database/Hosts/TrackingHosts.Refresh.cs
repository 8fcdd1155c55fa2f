using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Tracking.Database.Hosts;

// The refresh of names in memory. RefreshTrackingHosts calls it.
public sealed partial class TrackingHosts
{
    // A query for 1,000 names takes about ten milliseconds, so an announced change waits no longer than that.
    private const int NamesAtOnce = 1_000;

    private static readonly TimeSpan _retryPause = TimeSpan.FromSeconds(1);

    private int _allWanted;
    private int _allRead;
    private bool _isAway;
    private volatile ConcurrentDictionary<string, bool>? _outdated;

    /// <summary>Asks PostgreSQL which names have changed since the last call, and requests their read.</summary>
    /// <exception cref="Npgsql.NpgsqlException">The database is unavailable. Memory stays as it is.</exception>
    internal async Task PollAsync(CancellationToken cancellationToken)
    {
        var since = Volatile.Read(ref _horizon);
        var changed = 0;
        var next = await ReadTrackingHosts.ChangedAsync(
            _dataSource,
            since == 0 ? null : since,
            began => Volatile.Write(ref _sharedHorizon, began),
            name =>
            {
                changed++;
                Heed(new HostChange(null, name, IsGone: false));
            },
            cancellationToken);

        // Before the first poll the names came from a copy or from the shared cache. Transaction numbers that go back
        // mean that the database was restored from a backup. In both cases all names are read again.
        if (since == 0 || next < since)
        {
            Interlocked.Increment(ref _allWanted);
        }

        Volatile.Write(ref _horizon, next);
        _telemetry.Polled(changed);
        Wake();
    }

    /// <summary>Whether PostgreSQL has been asked for changes, and all names from before have been read
    /// again.</summary>
    internal bool IsCaughtUp => Volatile.Read(ref _horizon) != 0 && _allRead == Volatile.Read(ref _allWanted);

    /// <summary>Reads changed names again until it is cancelled. The queries run one after the other, so that an older
    /// result never replaces a newer one.</summary>
    internal async Task ReloadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await _wanted.WaitAsync(cancellationToken);
            await ReloadChangedAsync(cancellationToken);
            var wanted = Volatile.Read(ref _allWanted);
            if (_allRead != wanted)
            {
                foreach (var names in _memory.Names.Chunk(NamesAtOnce))
                {
                    await ReloadAsync(names, cancellationToken);
                    await ReloadChangedAsync(cancellationToken);
                }

                _allRead = wanted;
            }
        }
    }

    private async Task ReloadChangedAsync(CancellationToken cancellationToken)
    {
        while (!_reloading.IsEmpty)
        {
            var names = new List<string>();
            foreach (var (name, _) in _reloading)
            {
                // Removed before the read, so that a later change causes another read.
                if (names.Count < NamesAtOnce && _reloading.TryRemove(name, out _))
                {
                    names.Add(name);
                }
            }

            await ReloadAsync([.. names], cancellationToken);
        }
    }

    private async Task ReloadAsync(string[] names, CancellationToken cancellationToken)
    {
        while (names.Length > 0)
        {
            try
            {
                var outdated = _outdated = new(StringComparer.OrdinalIgnoreCase);
                var (found, _) = await ReadTrackingHosts.ByNameAsync(_dataSource, names, cancellationToken);
                _isAway = false;
                _telemetry.Reloaded(names.Length);
                foreach (var name in names)
                {
                    // Checked before and after the replacement, because the name may change meanwhile.
                    if (!outdated.ContainsKey(name))
                    {
                        Replace(name, found.GetValueOrDefault(name));
                    }

                    if (outdated.ContainsKey(name))
                    {
                        ReadAgain(name);
                    }
                }

                return;
            }
            catch (Exception exception) when (StoreAway.IsOrUnfit(exception))
            {
                // Logged once per outage.
                if (!_isAway)
                {
                    _isAway = true;
                    LogNotReloaded(names.Length, exception.Message);
                }

                await Task.Delay(_retryPause, _time, cancellationToken);
            }
        }
    }

    private void Replace(string name, TrackingHost? now)
    {
        if (_memory.Peek(name) is not { } known || TrackingHost.AreSame(known, now))
        {
            return;
        }

        if (now is not null)
        {
            Put(now);
        }
        else if (_memory.Remove(name) is { } before)
        {
            Changed?.Invoke(name, before, null);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "{Count} tracking domains stay as they were, the database is away: {Reason}")]
    private partial void LogNotReloaded(int count, string reason);
}

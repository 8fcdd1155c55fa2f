using Microsoft.Extensions.Logging;

namespace Tracking.Database.Hosts;

// The look-up of a name that is not in memory.
public sealed partial class TrackingHosts
{
    private async Task<FoundHost> AskAsync(string name, Asking asking)
    {
        // The caller is inside the dictionary's GetOrAdd. It must not run the first part of the query there.
        await Task.Yield();
        try
        {
            FoundHost found;
            do
            {
                asking.IsOutdated = false;
                found = await FromSharedAsync(name) ?? await FromDatabaseAsync(name);
            }
            while (asking.IsOutdated && found.Outcome != HostLookup.Unavailable);
            return found;
        }
        finally
        {
            _asking.TryRemove(name, out _);
        }
    }

    private async ValueTask<FoundHost?> FromSharedAsync(string name)
    {
        if (_shared is null || _told.Contains(name)
            || await _shared.ReadAsync(name, _time.GetUtcNow(), Volatile.Read(ref _sharedHorizon)) is not { } host)
        {
            return null;
        }

        _telemetry.LookedUp("shared");
        Put(host);
        return new FoundHost(HostLookup.Found, host);
    }

    private async Task<FoundHost> FromDatabaseAsync(string name)
    {
        using var timeout = new CancellationTokenSource(_options.LookupTimeout, _time);
        try
        {
            // After half of its time in the queue a look-up would hardly finish in time. It gives up here. Otherwise
            // all waiting look-ups would reach a stalled database as soon as the first ones time out.
            if (!await _connections.WaitAsync(_options.LookupTimeout / 2, timeout.Token))
            {
                LogUnavailable("too many look-ups at once");
                _telemetry.LookedUp("unavailable");
                return new FoundHost(HostLookup.Unavailable, null);
            }

            try
            {
                return await QueryAsync(name, timeout.Token);
            }
            finally
            {
                _connections.Release();
            }
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception)
            || exception is OperationCanceledException or ObjectDisposedException)
        {
            LogUnavailable(exception.Message);
            _telemetry.LookedUp("unavailable");
            return new FoundHost(HostLookup.Unavailable, null);
        }
    }

    private async Task<FoundHost> QueryAsync(string name, CancellationToken cancellationToken)
    {
        var readAt = _time.GetUtcNow();
        var (found, seen) = await ReadTrackingHosts.ByNameAsync(_dataSource, [name], cancellationToken)
            .WaitAsync(cancellationToken);
        if (!found.TryGetValue(name, out var host))
        {
            _telemetry.LookedUp("nobody");
            _unknown.Add(name);
            return new FoundHost(HostLookup.Nobody, null);
        }

        _telemetry.LookedUp("found");
        Put(host);
        _shared?.Offer(host, readAt, seen);
        return new FoundHost(HostLookup.Found, host);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A tracking domain could not be looked up: {Reason}")]
    private partial void LogUnavailable(string reason);

    private sealed class Asking(TrackingHosts hosts, string name)
    {
        private readonly Lock _starting = new();
        private volatile bool _isOutdated;
        private Task<FoundHost>? _answer;

        /// <summary>Whether the name has changed while the answer was under way.</summary>
        public bool IsOutdated
        {
            get => _isOutdated;
            set => _isOutdated = value;
        }

        public Task<FoundHost> Answer
        {
            get
            {
                lock (_starting)
                {
                    return _answer ??= hosts.AskAsync(name, this);
                }
            }
        }
    }
}

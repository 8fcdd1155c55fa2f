using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Links;
using Tracking.RedirectEdge.Events;
using Tracking.SharedCache;

namespace Tracking.RedirectEdge.Destinations;

/// <summary>The possible results of looking up a link.</summary>
internal enum LookupOutcome
{
    /// <summary>The link was found.</summary>
    Found,

    /// <summary>The database has no such link.</summary>
    NotFound,

    /// <summary>The link's destination must not be put into a header.</summary>
    Unsafe,

    /// <summary>The link is not in memory, and the database does not answer.</summary>
    Unavailable,
}

/// <summary>A looked-up link. The link is set for <see cref="LookupOutcome.Found"/>.</summary>
internal readonly record struct LookedUpLink(LookupOutcome Outcome, CachedLink? Link);

/// <summary>
/// Finds destinations: in memory, then in the shared cache if there is one, then in PostgreSQL. Simultaneous requests
/// for one link share one query. Links that have been served once are kept in a copy of limited size on disk.
/// </summary>
internal sealed partial class LinkLookup : IDisposable
{
    private readonly NpgsqlDataSource _dataSource;
    private readonly RedirectEdgeOptions _options;
    private readonly TimeProvider _time;
    private readonly EdgeMeters _meters;
    private readonly ILogger<LinkLookup> _logger;
    private readonly SharedLinks? _shared;
    private readonly LinkCache _cache;
    private readonly LinkCopy _copy;
    private readonly ConcurrentDictionary<LinkKey, Lazy<Task<LookedUpLink>>> _asking = new();
    private readonly ConcurrentDictionary<LinkKey, long> _negative = new();
    private readonly SemaphoreSlim _connections;

    public LinkLookup(
        NpgsqlDataSource dataSource,
        EdgeFolder folder,
        IOptions<RedirectEdgeOptions> options,
        TimeProvider time,
        EdgeMeters meters,
        ILogger<LinkLookup> logger,
        SharedLinks? shared = null)
    {
        _dataSource = dataSource;
        _options = options.Value;
        _time = time;
        _meters = meters;
        _logger = logger;
        _shared = shared;
        _cache = new LinkCache(_options.MaxLinks, _options.MaxLinkBytes);
        _copy = new LinkCopy(folder, _options.MaxLinkCopyBytes);
        _connections = new SemaphoreSlim(_options.MaxLookups);
        meters.ObserveLinks(() => _cache.Count);
    }

    /// <summary>Finds a link in memory.</summary>
    public bool TryGet(LinkKey key, out CachedLink link) => _cache.TryGet(key, out link);

    /// <summary>Finds a link that is not in memory. Does not throw when the database is unavailable or slow.</summary>
    public Task<LookedUpLink> FindAsync(LinkKey key)
    {
        if (_negative.TryGetValue(key, out var since))
        {
            if (_time.GetElapsedTime(since) < _options.NegativeAge)
            {
                return Task.FromResult(new LookedUpLink(LookupOutcome.NotFound, null));
            }

            _negative.TryRemove(key, out _);
        }

        // Not tied to one request: the first request may be cancelled while others wait for the same answer.
        return _asking.GetOrAdd(key, static (key, self) => new(() => self.AskAsync(key)), this).Value;
    }

    /// <summary>Adds a link of the database.</summary>
    /// <returns><see langword="null"/> for a destination that must not be put into a header.</returns>
    internal CachedLink? Add(LinkKey key, string url)
    {
        if (!DestinationPolicy.IsSafeLocation(url))
        {
            return null;
        }

        var link = new CachedLink(key, url);
        _cache.Add(link);
        return link;
    }

    /// <summary>Reads the copy that an earlier run left.</summary>
    public void Restore()
    {
        try
        {
            foreach (var link in _copy.Read())
            {
                Add(link.Key, link.Url);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogCopyFailed(exception.Message);
        }
    }

    /// <summary>Rewrites the copy with the recently used links.</summary>
    public void Compact()
    {
        try
        {
            _copy.Rewrite([.. _cache.ToList().OrderBy(link => link.Used)]);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogCopyFailed(exception.Message);
        }
    }

    /// <summary>Rewrites the copy when it has reached its limit.</summary>
    public void CompactWhenFull()
    {
        if (_copy.IsFull)
        {
            Compact();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _copy.Dispose();
        _connections.Dispose();
    }

    private async Task<LookedUpLink> AskAsync(LinkKey key)
    {
        // The caller must not run the first part of the query while it holds the dictionary.
        await Task.Yield();
        try
        {
            if (_shared is not null && await _shared.FindAsync(key.Cluster, key.Link) is { } url
                && Add(key, url) is { } link)
            {
                Keep(link);
                return new LookedUpLink(LookupOutcome.Found, link);
            }

            var found = await QueryAsync(key);
            _meters.Lookups.Add(1, new KeyValuePair<string, object?>("outcome", found.Outcome.ToString()));
            return found;
        }
        finally
        {
            _asking.TryRemove(key, out _);
        }
    }

    private async Task<LookedUpLink> QueryAsync(LinkKey key)
    {
        string? url;
        using var timeout = new CancellationTokenSource(_options.LookupTimeout, _time);
        try
        {
            // A request that has waited half its time for a connection would hardly get its answer. Giving up here
            // keeps a stalled database from receiving all waiting requests when the first ones time out.
            if (!await _connections.WaitAsync(_options.LookupTimeout / 2, timeout.Token))
            {
                LogUnavailable("too many lookups at once");
                return new LookedUpLink(LookupOutcome.Unavailable, null);
            }

            try
            {
                url = await ReadAsync(key, timeout.Token).WaitAsync(timeout.Token);
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
            return new LookedUpLink(LookupOutcome.Unavailable, null);
        }

        if (url is null)
        {
            Remember(key);
            return new LookedUpLink(LookupOutcome.NotFound, null);
        }

        if (Add(key, url) is not { } link)
        {
            LogUnsafe(key.Cluster.ToString(), key.Link.ToString());
            return new LookedUpLink(LookupOutcome.Unsafe, null);
        }

        Keep(link);
        _shared?.Offer(key.Cluster, key.Link, Encoding.ASCII.GetBytes(url));
        return new LookedUpLink(LookupOutcome.Found, link);
    }

    private void Keep(CachedLink link)
    {
        try
        {
            _copy.Append(link);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogCopyFailed(exception.Message);
        }
    }

    private async Task<string?> ReadAsync(LinkKey key, CancellationToken cancellationToken)
    {
        await using var command = _dataSource.CreateCommand(
            "SELECT url FROM links.destinations WHERE cluster_id = $1 AND link_id = $2");
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = key.Cluster.Value });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = key.Link.ToInt64() });
        return (string?)await command.ExecuteScalarAsync(cancellationToken);
    }

    private void Remember(LinkKey key)
    {
        // Only our own tokens get here, so this table fills after a restore from an old backup, and not by an attack.
        if (_negative.Count >= _options.MaxNegatives)
        {
            foreach (var (old, since) in _negative)
            {
                if (_time.GetElapsedTime(since) >= _options.NegativeAge)
                {
                    _negative.TryRemove(old, out _);
                }
            }
        }

        if (_negative.Count < _options.MaxNegatives)
        {
            _negative[key] = _time.GetTimestamp();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A link could not be looked up: {Reason}")]
    private partial void LogUnavailable(string reason);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "The destination of link {Link} of cluster {Cluster} is not safe in a header; the answer is 404")]
    private partial void LogUnsafe(string cluster, string link);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The copy of links on disk failed: {Reason}")]
    private partial void LogCopyFailed(string reason);
}

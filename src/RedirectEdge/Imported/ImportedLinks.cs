using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Events;
using Tracking.SharedCache;

namespace Tracking.RedirectEdge.Imported;

/// <summary>
/// Finds imported links: in memory, then in the shared cache if there is one, then in PostgreSQL. Simultaneous requests
/// for one path share one query. A path that is none is remembered for a while, and only so many of them are asked for
/// in a second. Links that have been served once are kept in a copy of limited size on disk.
/// </summary>
internal sealed partial class ImportedLinks : IDisposable
{
    private const string Select =
        """
        SELECT i.kind, i.message_key, i.link_id, coalesce(m.tracking_level, 0::smallint)
        FROM links.imported_links i
        LEFT JOIN rewrite.messages m ON m.cluster_id = i.cluster_id AND m.message_key = i.message_key
        WHERE i.cluster_id = $1 AND i.host = $2 AND i.path = $3
        """;

    private readonly NpgsqlDataSource _dataSource;
    private readonly RedirectEdgeOptions _options;
    private readonly TimeProvider _time;
    private readonly EdgeMeters _meters;
    private readonly ILogger<ImportedLinks> _logger;
    private readonly SharedImportedLinks? _shared;
    private readonly ImportedMemory _memory;
    private readonly UnknownPaths _unknown;
    private readonly RecordLog _copy;
    private readonly ConcurrentDictionary<ImportedPath, Lazy<Task<LookedUpImported>>> _asking = new();
    private readonly SemaphoreSlim _connections;

    public ImportedLinks(
        NpgsqlDataSource dataSource,
        EdgeFolder folder,
        IOptions<RedirectEdgeOptions> options,
        TimeProvider time,
        EdgeMeters meters,
        ILogger<ImportedLinks> logger,
        SharedImportedLinks? shared = null)
    {
        (_dataSource, _options, _time, _meters) = (dataSource, options.Value, time, meters);
        (_logger, _shared) = (logger, shared);
        _memory = new ImportedMemory(_options.MaxImportedLinks);
        _unknown = new UnknownPaths(_options, time);
        _copy = new RecordLog(
            folder, "imported.copy", _options.MaxLinkCopyBytes, ImportedBytes.MinSize, ImportedBytes.MaxSize);
        _connections = new SemaphoreSlim(_options.MaxLookups);
    }

    /// <summary>Finds a path. Does not throw when the database is unavailable or slow.</summary>
    public Task<LookedUpImported> FindAsync(ImportedPath at)
    {
        if (_memory.TryGet(at, out var known))
        {
            return Task.FromResult(new LookedUpImported(LookupOutcome.Found, known));
        }

        // Longer than the column: there is none.
        if (_unknown.Contains(at) || ImportedBytes.MinSize + at.Host.Length + at.Path.Length > ImportedBytes.MaxSize)
        {
            return Task.FromResult(new LookedUpImported(LookupOutcome.NotFound, null));
        }

        if (!_asking.ContainsKey(at) && !_unknown.MayAsk())
        {
            return Task.FromResult(new LookedUpImported(LookupOutcome.Unavailable, null));
        }

        // Not tied to one request: the first request may be cancelled while others wait for the same answer.
        return _asking.GetOrAdd(at, static (at, self) => new(() => self.AskAsync(at)), this).Value;
    }

    /// <summary>Reads the copy that an earlier run left.</summary>
    public void Restore() => Try(() => _copy.Read(payload =>
    {
        if (ImportedBytes.Decode(payload) is var (at, link))
        {
            _memory.Add(at, link);
        }
    }));

    /// <summary>Rewrites the copy with the recently used links.</summary>
    public void Compact() => Try(() => _copy.Rewrite(
        _memory.ToList(),
        static entry => ImportedBytes.MinSize + entry.Key.Host.Length + entry.Key.Path.Length,
        ImportedBytes.Encode));

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

    private async Task<LookedUpImported> AskAsync(ImportedPath at)
    {
        // The caller must not run the first part of the query while it holds the dictionary.
        await Task.Yield();
        try
        {
            if (_shared is not null
                && await _shared.FindAsync(at.Cluster, at.Host, at.Path) is { } bytes
                && ImportedLink.Read(bytes) is { } shared)
            {
                return Keep(at, shared);
            }

            var found = await QueryAsync(at);
            _meters.Lookups.Add(1, new KeyValuePair<string, object?>("outcome", $"Imported{found.Outcome}"));
            return found;
        }
        finally
        {
            _asking.TryRemove(at, out _);
        }
    }

    private async Task<LookedUpImported> QueryAsync(ImportedPath at)
    {
        ImportedLink? link;
        using var timeout = new CancellationTokenSource(_options.LookupTimeout, _time);
        try
        {
            // As for links: a request that has waited half its time would hardly get its answer.
            if (!await _connections.WaitAsync(_options.LookupTimeout / 2, timeout.Token))
            {
                LogUnavailable("too many lookups at once");
                return new LookedUpImported(LookupOutcome.Unavailable, null);
            }

            try
            {
                link = await ReadAsync(at, timeout.Token).WaitAsync(timeout.Token);
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
            return new LookedUpImported(LookupOutcome.Unavailable, null);
        }

        if (link is null)
        {
            _unknown.Add(at);
            return new LookedUpImported(LookupOutcome.NotFound, null);
        }

        _shared?.Offer(at.Cluster, at.Host, at.Path, link.ToBytes());
        return Keep(at, link);
    }

    private LookedUpImported Keep(ImportedPath at, ImportedLink link)
    {
        _memory.Add(at, link);
        Try(() => _copy.Append(ImportedBytes.Encode(new(at, link))));
        return new LookedUpImported(LookupOutcome.Found, link);
    }

    private async Task<ImportedLink?> ReadAsync(ImportedPath at, CancellationToken cancellationToken)
    {
        await using var command = _dataSource.CreateCommand(Select);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = at.Cluster.Value });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = at.Host });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = at.Path });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        var kind = reader.GetInt16(0);
        return new ImportedLink(
            kind < 0 ? LinkKind.Click : (LinkKind)kind,
            MessageKey.Read(reader.GetFieldValue<byte[]>(1)),
            LinkId.FromInt64(reader.GetInt64(2)),
            (TrackingLevel)reader.GetInt16(3),
            NeedsQuery: kind < 0);
    }

    private void Try(Action useCopy)
    {
        try
        {
            useCopy();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogCopyFailed(exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "An imported link could not be looked up: {Reason}")]
    private partial void LogUnavailable(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The copy of imported links on disk failed: {Reason}")]
    private partial void LogCopyFailed(string reason);
}

using System.Collections.Frozen;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Links;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Destinations;

/// <summary>
/// Keeps <see cref="DestinationRules"/> in memory: read at start, when the bus says that they changed, and every
/// <see cref="SystemOptions.DirectoryRefresh"/>. A copy is in the edge's folder, so that an edge that starts while the
/// database is unavailable does not serve what is blocked.
/// </summary>
internal sealed partial class KeepRules(
    NpgsqlDataSource dataSource,
    EdgeFolder folder,
    IOptions<SystemOptions> options,
    IOptions<RedirectEdgeOptions> edge,
    ILogger<KeepRules> logger) : BackgroundService
{
    private const string FileName = "rules.copy";

    private const string SelectBlocked = "SELECT pattern FROM links.blocked_destinations ORDER BY pattern";

    // The newest first: of two tags of a message, the one that was repaired last wins.
    private const string SelectRepairs =
        """
        SELECT r.cluster_id, r.link_id, r.message_key, r.tag, r.new_link_id, d.url
        FROM links.repairs r
        JOIN links.destinations d ON d.cluster_id = r.cluster_id AND d.link_id = r.new_link_id
        WHERE r.undone_at IS NULL
        ORDER BY r.created_at DESC
        """;

    private const string SelectWithdrawn =
        "SELECT cluster_id, message_key FROM rewrite.withdrawn_messages ORDER BY withdrawn_at DESC LIMIT $1";

    private readonly SemaphoreSlim _requested = new(0, 1);
    private byte[] _written = [];
    private volatile DestinationRules? _current;

    /// <summary>The rules; <see langword="null"/> when there is none.</summary>
    public DestinationRules? Current => _current;

    /// <summary>Messages whose recipients withdrew; <see langword="null"/> when there is none.</summary>
    public FrozenSet<(ClusterId Cluster, MessageKey Message)>? Withdrawn { get; private set; }

    /// <summary>Reads again as soon as possible; several requests at once are one.</summary>
    public void RequestNow()
    {
        try
        {
            _requested.Release();
        }
        catch (SemaphoreFullException)
        {
            // One is already waiting and has not begun to read: it will see this change too.
        }
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        Restore();
        await RefreshAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _requested.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await _requested.WaitAsync(options.Value.DirectoryRefresh, stoppingToken);
                await RefreshAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The edge is stopping.
        }
    }

    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        try
        {
            Use(await ReadAsync(cancellationToken));
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception))
        {
            LogNotRead(exception.Message);
        }
    }

    private void Use(RuleRows rows)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(rows);
        if (bytes.AsSpan().SequenceEqual(_written))
        {
            return;
        }

        _current = DestinationRules.Of(rows);
        try
        {
            folder.WriteChecked(FileName, bytes);
            _written = bytes;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogNotCopied(exception.Message);
        }
    }

    private async Task<RuleRows> ReadAsync(CancellationToken cancellationToken)
    {
        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand(SelectBlocked));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(SelectRepairs));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(SelectWithdrawn)
        {
            Parameters =
            {
                new() { Value = edge.Value.MaxWithdrawnMessages },
            },
        });
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var blocked = new List<string>();
        while (await reader.ReadAsync(cancellationToken))
        {
            blocked.Add(reader.GetString(0));
        }

        await reader.NextResultAsync(cancellationToken);
        var repairs = new List<RepairRow>();
        while (await reader.ReadAsync(cancellationToken))
        {
            repairs.Add(new RepairRow(
                reader.GetInt32(0),
                reader.GetInt64(1),
                reader.IsDBNull(2) ? null : MessageKey.Read(reader.GetFieldValue<byte[]>(2)).ToString(),
                reader.IsDBNull(3) ? null : reader.GetString(3),
                reader.GetInt64(4),
                reader.GetString(5)));
        }

        await reader.NextResultAsync(cancellationToken);
        var withdrawn = new HashSet<(ClusterId Cluster, MessageKey Message)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            withdrawn.Add((new ClusterId(reader.GetInt32(0)), MessageKey.Read(reader.GetFieldValue<byte[]>(1))));
        }

        Withdrawn = withdrawn.Count == 0 ? null : withdrawn.ToFrozenSet();
        return new RuleRows(blocked, repairs);
    }

    private void Restore()
    {
        try
        {
            if (folder.ReadChecked(FileName) is { } bytes && JsonSerializer.Deserialize<RuleRows>(bytes) is { } rows)
            {
                _current = DestinationRules.Of(rows);
                _written = bytes;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            LogNotRestored(exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Blocked and repaired destinations stay as they were, they could not be read: {Reason}")]
    private partial void LogNotRead(string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The copy of blocked and repaired destinations could not be read: {Reason}")]
    private partial void LogNotRestored(string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The copy of blocked and repaired destinations could not be written: {Reason}")]
    private partial void LogNotCopied(string reason);
}

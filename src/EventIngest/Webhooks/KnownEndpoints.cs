using System.Collections.Frozen;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using Tracking.Database;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>An endpoint that wants events.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Types">The types that it wants, one bit for each type (<see cref="WebhookEventTypes.BitsOf"/>).</param>
/// <param name="PeopleOnly">Whether it gets no events of recognised machines.</param>
internal sealed record KnownEndpoint(Guid Id, int Types, bool PeopleOnly);

/// <summary>
/// Keeps the endpoints of all clusters in memory, so that storing events asks the database nothing. Only changes are
/// read: rows that were written since the oldest transaction that was running at the last read.
/// </summary>
internal sealed partial class KnownEndpoints(
    NpgsqlDataSource dataSource,
    IOptions<WebhookOptions> options,
    TimeProvider time,
    ILogger<KnownEndpoints> logger) : BackgroundService
{
    private const string SelectChanged =
        """
        SELECT cluster_id, id, event_types, people_only, disabled_at IS NULL AND deleted_at IS NULL
        FROM webhooks.endpoints WHERE changed_in >= $1
        """;

    private readonly SemaphoreSlim _reading = new(1, 1);
    private FrozenDictionary<int, KnownEndpoint[]> _byCluster = FrozenDictionary<int, KnownEndpoint[]>.Empty;
    private ulong? _since;

    /// <summary>Whether any cluster has an endpoint.</summary>
    public bool Any => _byCluster.Count > 0;

    /// <summary>The endpoints of a cluster.</summary>
    public KnownEndpoint[] Of(int cluster) => _byCluster.TryGetValue(cluster, out var endpoints) ? endpoints : [];

    /// <summary>Reads the endpoints, unless they were read before. A process that starts while the database is
    /// unavailable must not store events as if there were no endpoints.</summary>
    public ValueTask LoadAsync(CancellationToken cancellationToken) =>
        _since is null ? new(RefreshAsync(cancellationToken)) : ValueTask.CompletedTask;

    /// <summary>Reads the changes.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable. The endpoints stay as they were read
    /// before.</exception>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _reading.WaitAsync(cancellationToken);
        try
        {
            await ReadAsync(cancellationToken);
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await TryRefreshAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _reading.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.RefreshInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await TryRefreshAsync(stoppingToken);
        }
    }

    private async Task TryRefreshAsync(CancellationToken cancellationToken)
    {
        try
        {
            await RefreshAsync(cancellationToken);
        }
        catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
        {
            LogNotRead(exception.Message);
        }
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        await using var batch = dataSource.CreateBatch();

        // The order matters. A transaction that commits after the first statement's snapshot has an id of at least this
        // xmin, so the next read finds its rows.
        batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT pg_snapshot_xmin(pg_current_snapshot())"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(SelectChanged)
        {
            Parameters = { new() { Value = _since ?? 0UL, NpgsqlDbType = NpgsqlDbType.Xid8 } },
        });
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var next = reader.GetFieldValue<ulong>(0);
        await reader.NextResultAsync(cancellationToken);
        Dictionary<int, KnownEndpoint[]>? changed = null;
        while (await reader.ReadAsync(cancellationToken))
        {
            changed ??= new(_byCluster);
            var cluster = reader.GetInt32(0);
            var endpoint = new KnownEndpoint(
                reader.GetGuid(1),
                WebhookEventTypes.BitsOf(reader.GetFieldValue<string[]>(2)),
                reader.GetBoolean(3));
            var others = changed.GetValueOrDefault(cluster, []).Where(other => other.Id != endpoint.Id);
            KnownEndpoint[] now = reader.GetBoolean(4) ? [.. others, endpoint] : [.. others];
            if (now.Length == 0)
            {
                changed.Remove(cluster);
            }
            else
            {
                changed[cluster] = now;
            }
        }

        if (changed is not null)
        {
            _byCluster = changed.ToFrozenDictionary();
        }

        _since = next;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Changes of webhook endpoints were not read: {Reason}")]
    private partial void LogNotRead(string reason);
}

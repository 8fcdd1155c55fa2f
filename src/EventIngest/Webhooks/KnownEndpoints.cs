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
/// <param name="Types">The types that it wants, a bit each (<see cref="WebhookEventTypes.BitsOf"/>).</param>
/// <param name="PeopleOnly">Whether events of recognised machines are kept from it.</param>
internal sealed record KnownEndpoint(Guid Id, int Types, bool PeopleOnly);

/// <summary>
/// The endpoints of all clusters in memory, so that storing events asks the database nothing. Read as changes: rows
/// that were written since the oldest transaction that ran at the last reading.
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

    /// <summary>Whether any cluster has one.</summary>
    public bool Any => _byCluster.Count > 0;

    /// <summary>The endpoints of a cluster.</summary>
    public KnownEndpoint[] Of(int cluster) => _byCluster.TryGetValue(cluster, out var endpoints) ? endpoints : [];

    /// <summary>Reads them unless they were read before: a process that starts while the database is away must not
    /// store events as if there were no endpoints.</summary>
    public ValueTask LoadAsync(CancellationToken cancellationToken) =>
        _since is null ? new(RefreshAsync(cancellationToken)) : ValueTask.CompletedTask;

    /// <summary>Reads what changed.</summary>
    /// <exception cref="NpgsqlException">The database is away; what was read before stays.</exception>
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

        // In this order: the second statement sees what the first one's snapshot still had running, and more.
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Webhook endpoints stay as they were read before: {Reason}")]
    private partial void LogNotRead(string reason);
}

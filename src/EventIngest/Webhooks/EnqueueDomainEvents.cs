using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>
/// Writes the deliveries about tracking domains and certificates. The notices and the certificates are already in the
/// database, written in the transaction of the change itself. Each is taken once, in the transaction that writes its
/// deliveries.
/// </summary>
internal sealed partial class EnqueueDomainEvents(
    NpgsqlDataSource dataSource,
    WebhookConnections connections,
    IOptions<WebhookOptions> options,
    TimeProvider time,
    ILogger<EnqueueDomainEvents> logger) : BackgroundService
{
    private const int AtOnce = 100;

    private const string TakeNotices =
        """
        WITH untold AS MATERIALIZED (
            SELECT id FROM domains.notices WHERE webhooks_at IS NULL ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
        UPDATE domains.notices n SET webhooks_at = $1 FROM untold WHERE n.id = untold.id
        RETURNING n.id, n.cluster_id, n.hostname, n.at, n.kind, n.facts::text
        """;

    private const string TakeCertificates =
        """
        WITH untold AS MATERIALIZED (
            SELECT id FROM certificates.issued WHERE webhooks_at IS NULL ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
        UPDATE certificates.issued i SET webhooks_at = $1 FROM untold WHERE i.id = untold.id
        RETURNING i.id, i.cluster_id, i.hostname, i.stored_at, i.not_before, i.not_after, i.is_renewal
        """;

    private const string SelectEndpoints =
        """
        SELECT cluster_id, id, event_types FROM webhooks.endpoints
        WHERE cluster_id = ANY($1) AND disabled_at IS NULL AND deleted_at IS NULL
        """;

    private const string Insert =
        """
        INSERT INTO webhooks.deliveries (cluster_id, endpoint_id, id, event_type, occurred_at, payload, next_attempt_at)
        SELECT *, $7 FROM unnest(
            $1::integer[], $2::uuid[], $3::uuid[], $4::smallint[], $5::timestamptz[], $6::text[])
        ON CONFLICT DO NOTHING
        """;

    /// <summary>Takes the notices and certificates that have no deliveries yet.</summary>
    /// <returns>Whether there may be more.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable; nothing is taken.</exception>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        using var place = await connections.TakeAsync(cancellationToken);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var notices = await TakeAsync(connection, TakeNotices, ReadNotice, cancellationToken);
        var certificates = await TakeAsync(connection, TakeCertificates, ReadCertificate, cancellationToken);
        if (notices.Count + certificates.Count == 0)
        {
            return false;
        }

        await EnqueueAsync(connection, [.. notices, .. certificates], cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return notices.Count == AtOnce || certificates.Count == AtOnce;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.RefreshInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                while (await RunAsync(stoppingToken))
                {
                    // Repeats as long as there are more.
                }
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogNotTaken(exception.Message);
            }
        }
    }

    private async Task<List<DomainEvent>> TakeAsync(
        NpgsqlConnection connection,
        string sql,
        Func<NpgsqlDataReader, DomainEvent?> read,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection)
        {
            Parameters = { new() { Value = time.GetUtcNow().UtcDateTime }, new() { Value = AtOnce } },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var taken = new List<DomainEvent>();
        while (await reader.ReadAsync(cancellationToken))
        {
            if (read(reader) is { } told)
            {
                taken.Add(told);
            }
        }

        return taken;
    }

    private async Task EnqueueAsync(
        NpgsqlConnection connection, List<DomainEvent> events, CancellationToken cancellationToken)
    {
        var endpoints = await EndpointsAsync(connection, events, cancellationToken);
        var wanted = (
            from told in events
            from endpoint in endpoints
            where endpoint.Cluster == told.Cluster && (endpoint.Types & (1 << (int)told.Type)) != 0
            select (told, endpoint.Id)).ToList();
        if (wanted.Count == 0)
        {
            return;
        }

        await using var insert = new NpgsqlCommand(Insert, connection)
        {
            Parameters =
            {
                new() { Value = wanted.Select(w => w.told.Cluster).ToArray() },
                new() { Value = wanted.Select(w => w.Id).ToArray() },
                new() { Value = wanted.Select(w => w.told.Id).ToArray() },
                new() { Value = wanted.Select(w => (short)w.told.Type).ToArray() },
                new() { Value = wanted.Select(w => w.told.At.UtcDateTime).ToArray() },
                new() { Value = wanted.Select(w => w.told.Body).ToArray() },
                new() { Value = time.GetUtcNow().UtcDateTime },
            },
        };
        await insert.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<List<(int Cluster, Guid Id, int Types)>> EndpointsAsync(
        NpgsqlConnection connection, List<DomainEvent> events, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(SelectEndpoints, connection)
        {
            Parameters = { new() { Value = events.Select(told => told.Cluster).Distinct().ToArray() } },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var endpoints = new List<(int Cluster, Guid Id, int Types)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            endpoints.Add((
                reader.GetInt32(0),
                reader.GetGuid(1),
                WebhookEventTypes.BitsOf(reader.GetFieldValue<string[]>(2))));
        }

        return endpoints;
    }

    private static DomainEvent? ReadNotice(NpgsqlDataReader row)
    {
        WebhookEventType? type = (NoticeKind)row.GetInt16(4) switch
        {
            NoticeKind.Warning => WebhookEventType.TrackingDomainWarned,
            NoticeKind.Lost => WebhookEventType.TrackingDomainLost,
            NoticeKind.Recovered => WebhookEventType.TrackingDomainVerified,
            NoticeKind.CertificateInDanger => WebhookEventType.CertificateEndangered,
            // Mail alone tells of https that is forced; and of a kind that a later version wrote.
            _ => null,
        };
        return type is { } known
            ? new DomainEvent(row, known, DomainBody.OfNotice(known, row.GetInt32(1), row.GetString(2),
                row.GetFieldValue<DateTimeOffset>(3), row.GetString(5)))
            : null;
    }

    // A certificate of the operator's own hosts belongs to no cluster, so nobody is notified.
    private static DomainEvent? ReadCertificate(NpgsqlDataReader row) => row.IsDBNull(1)
        ? null
        : new DomainEvent(row, WebhookEventType.CertificateIssued, DomainBody.OfCertificate(
            row.GetInt32(1), row.GetString(2), row.GetFieldValue<DateTimeOffset>(3),
            row.GetFieldValue<DateTimeOffset>(4), row.GetFieldValue<DateTimeOffset>(5), row.GetBoolean(6)));

    [LoggerMessage(LogLevel.Warning, "Webhook deliveries about tracking domains were not written: {Reason}")]
    private partial void LogNotTaken(string reason);

    private sealed record DomainEvent(Guid Id, int Cluster, DateTimeOffset At, WebhookEventType Type, string Body)
    {
        public DomainEvent(NpgsqlDataReader row, WebhookEventType type, string body)
            : this(row.GetGuid(0), row.GetInt32(1), row.GetFieldValue<DateTimeOffset>(3), type, body)
        {
        }
    }
}

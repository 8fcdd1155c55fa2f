using Npgsql;
using NpgsqlTypes;
using Tracking.Contracts;
using Tracking.EventIngest.Batches;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>Writes the deliveries of a batch's events, in the transaction that stores the events: one delivery for each
/// event and each endpoint that wants it. A batch for which no endpoint is registered costs one look-up in
/// memory.</summary>
internal sealed class EnqueueDeliveries(KnownEndpoints endpoints, TimeProvider time)
{
    private const string Insert =
        """
        INSERT INTO webhooks.deliveries (cluster_id, endpoint_id, id, event_type, occurred_at, next_attempt_at)
        SELECT *, $6 FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::smallint[], $5::timestamptz[])
        ON CONFLICT DO NOTHING
        """;

    /// <summary>Adds the statement, if there are deliveries.</summary>
    /// <param name="transaction">The last statements of the batch's transaction.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="prepared">The events that are stored.</param>
    /// <param name="cancellationToken">Ends the first read of endpoints.</param>
    public async ValueTask AddToAsync(
        NpgsqlBatch transaction, StoreEventBatch batch, PreparedBatch prepared, CancellationToken cancellationToken)
    {
        await endpoints.LoadAsync(cancellationToken);
        if (endpoints.Any && Find(batch, prepared) is { Count: > 0 } deliveries)
        {
            transaction.BatchCommands.Add(ToCommand(deliveries));
        }
    }

    /// <summary>The webhook type for a link kind. Images and honeypots cause no webhook.</summary>
    internal static WebhookEventType? TypeOf(LinkKind kind) => kind switch
    {
        LinkKind.Click => WebhookEventType.MessageClicked,
        LinkKind.Open => WebhookEventType.MessageOpened,
        _ => null,
    };

    /// <summary>Whether an endpoint wants an event.</summary>
    internal static bool Wants(KnownEndpoint endpoint, WebhookEventType type, bool isMachine) =>
        (endpoint.Types & (1 << (int)type)) != 0
        && !(endpoint.PeopleOnly && isMachine);

    private List<Delivery> Find(StoreEventBatch batch, PreparedBatch prepared)
    {
        var deliveries = new List<Delivery>();
        var (cluster, ofCluster) = (-1, Array.Empty<KnownEndpoint>());
        foreach (var stored in prepared.Events)
        {
            // Consecutive events mostly belong to the same cluster.
            if (stored.Counted.Cluster != cluster)
            {
                (cluster, ofCluster) = (stored.Counted.Cluster, endpoints.Of(stored.Counted.Cluster));
            }

            if (ofCluster.Length == 0 || TypeOf(stored.Counted.Kind) is not { } type)
            {
                continue;
            }

            EventRecord.ReadFrame(batch.Events.AsSpan(stored.Frame), out var record, out _);
            foreach (var endpoint in ofCluster)
            {
                if (Wants(endpoint, type, stored.Counted.IsMachine))
                {
                    deliveries.Add(new Delivery(cluster, endpoint.Id, record.Id, type, stored.Counted.TimeMicros));
                }
            }
        }

        return deliveries;
    }

    private NpgsqlBatchCommand ToCommand(List<Delivery> deliveries) => new(Insert)
    {
        Parameters =
        {
            new NpgsqlParameter<int[]> { TypedValue = [.. deliveries.Select(delivery => delivery.Cluster)] },
            new NpgsqlParameter<Guid[]> { TypedValue = [.. deliveries.Select(delivery => delivery.Endpoint)] },
            new NpgsqlParameter<Guid[]> { TypedValue = [.. deliveries.Select(delivery => delivery.Event)] },
            new NpgsqlParameter<short[]> { TypedValue = [.. deliveries.Select(delivery => (short)delivery.Type)] },
            new NpgsqlParameter<DateTime[]>
            {
                TypedValue =
                [
                    .. deliveries.Select(delivery =>
                        DateTime.UnixEpoch.AddTicks(delivery.TimeMicros * TimeSpan.TicksPerMicrosecond)),
                ],
                NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
            },
            new NpgsqlParameter<DateTime>
            {
                TypedValue = time.GetUtcNow().UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz,
            },
        },
    };

    private readonly record struct Delivery(
        int Cluster, Guid Endpoint, Guid Event, WebhookEventType Type, long TimeMicros);
}

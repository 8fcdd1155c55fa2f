using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.Management.Webhooks;

/// <summary>The state of a delivery.</summary>
internal enum DeliveryStatus : short
{
    /// <summary>The delivery waits for an attempt.</summary>
    Pending = 0,

    /// <summary>The receiver has accepted it.</summary>
    Delivered = 1,

    /// <summary>The delivery was given up. It can be sent again.</summary>
    Failed = 2,
}

/// <summary>A delivery of a webhook to one endpoint.</summary>
/// <param name="Id">The event's id, which the receiver sees as webhook-id.</param>
/// <param name="Type">The event type, such as message.clicked.</param>
/// <param name="OccurredAt">The time of the event.</param>
/// <param name="Status">pending, delivered or failed.</param>
/// <param name="AttemptCount">The number of attempts so far.</param>
/// <param name="NextAttemptAt">The time of the next attempt; null if there is none.</param>
/// <param name="FinishedAt">The time at which it was delivered or given up.</param>
internal sealed record DeliveryResponse(
    Guid Id,
    string Type,
    DateTimeOffset OccurredAt,
    DeliveryStatus Status,
    int AttemptCount,
    DateTimeOffset? NextAttemptAt,
    DateTimeOffset? FinishedAt);

/// <summary>Reads deliveries.</summary>
internal static class FindDelivery
{
    /// <summary>The columns that <see cref="Read"/> reads.</summary>
    public const string Columns =
        "d.id, d.event_type, d.occurred_at, d.status, d.attempts, d.next_attempt_at, d.finished_at";

    /// <summary>A delivery of an endpoint.</summary>
    public static async Task<DeliveryResponse?> ReadAsync(
        ApiDataSource dataSource, ClusterId cluster, Guid endpoint, string id, CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(id, out var guid))
        {
            return null;
        }

        await using var command = dataSource.CreateCommand(
            $"SELECT {Columns} FROM webhooks.deliveries d WHERE cluster_id = $1 AND endpoint_id = $2 AND id = $3");
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new() { Value = endpoint });
        command.Parameters.Add(new() { Value = guid });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? Read(reader) : null;
    }

    /// <summary>Reads a row with <see cref="Columns"/>.</summary>
    public static DeliveryResponse Read(NpgsqlDataReader row)
    {
        var status = (DeliveryStatus)row.GetInt16(3);
        return new DeliveryResponse(
            row.GetGuid(0),
            WebhookEventTypes.NameOf((WebhookEventType)row.GetInt16(1)),
            row.GetFieldValue<DateTimeOffset>(2),
            status,
            row.GetInt32(4),
            status == DeliveryStatus.Pending ? row.GetFieldValue<DateTimeOffset>(5) : null,
            row.IsDBNull(6) ? null : row.GetFieldValue<DateTimeOffset>(6));
    }

    /// <summary>The problem for an id that the endpoint does not have.</summary>
    public static Problem NoSuchDelivery(string id) =>
        Problems.NotFound("delivery", id, "GET the list of the webhook's deliveries; old deliveries are deleted.");
}

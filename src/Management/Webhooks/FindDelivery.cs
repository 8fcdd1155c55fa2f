using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.Management.Webhooks;

/// <summary>How a delivery stands.</summary>
internal enum DeliveryStatus : short
{
    /// <summary>It waits for an attempt.</summary>
    Pending = 0,

    /// <summary>The receiver has it.</summary>
    Delivered = 1,

    /// <summary>It was given up; it can be sent again.</summary>
    Failed = 2,
}

/// <summary>A webhook and one endpoint.</summary>
/// <param name="Id">The event's id, which the receiver sees as webhook-id.</param>
/// <param name="Type">What it tells: message.clicked and others.</param>
/// <param name="OccurredAt">When that happened.</param>
/// <param name="Status">pending, delivered or failed.</param>
/// <param name="AttemptCount">Attempts so far.</param>
/// <param name="NextAttemptAt">When it is tried next; null when it is not.</param>
/// <param name="FinishedAt">When it was delivered or given up.</param>
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
    /// <summary>The columns that <see cref="Read"/> takes.</summary>
    public const string Columns =
        "d.id, d.event_type, d.occurred_at, d.status, d.attempts, d.next_attempt_at, d.finished_at";

    /// <summary>One of an endpoint.</summary>
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

    /// <summary>A row of <see cref="Columns"/>.</summary>
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
        Problems.NotFound("delivery", id, "GET the list for those of the webhook; old ones are deleted.");
}

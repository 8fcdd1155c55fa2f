using System.Text;
using System.Text.Json;
using Npgsql;
using Tracking.Database.Entities;
using Tracking.EventIngest.Review;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>
/// Writes the deliveries of <c>message.event_reclassified</c>, in the transaction that changes the verdicts. They go to
/// every endpoint that got the event, or would get it with the new verdict. The body names the event and holds nothing
/// personal, so it may be kept until it is sent.
/// </summary>
internal sealed class EnqueueRevisions(KnownEndpoints endpoints, TimeProvider time)
{
    private const string Insert =
        """
        INSERT INTO webhooks.deliveries (cluster_id, endpoint_id, id, event_type, occurred_at, payload, next_attempt_at)
        SELECT $1, e, $3, $4, $5, $6, $7 FROM unnest($2::uuid[]) AS e
        ON CONFLICT DO NOTHING
        """;

    /// <summary>Adds the statements, if there are deliveries.</summary>
    /// <param name="transaction">The statements of the revision's transaction.</param>
    /// <param name="revised">The events.</param>
    /// <param name="at">The time of the revision.</param>
    /// <param name="cancellationToken">Ends the first read of endpoints.</param>
    public async ValueTask AddToAsync(
        NpgsqlBatch transaction, List<Revised> revised, DateTime at, CancellationToken cancellationToken)
    {
        await endpoints.LoadAsync(cancellationToken);
        foreach (var change in endpoints.Any ? revised : [])
        {
            if (EnqueueDeliveries.TypeOf(change.Event.Kind) is not { } type)
            {
                continue;
            }

            var (before, after) = (change.Event.Verdict.IsMachine(), change.Opinion.Verdict.IsMachine());
            var wanted = endpoints.Of(change.Event.Cluster).Where(endpoint =>
                (endpoint.Types & (1 << (int)WebhookEventType.MessageEventReclassified)) != 0
                && (EnqueueDeliveries.Wants(endpoint, type, before) || EnqueueDeliveries.Wants(endpoint, type, after)))
                .Select(endpoint => endpoint.Id).ToArray();
            if (wanted.Length > 0)
            {
                transaction.BatchCommands.Add(ToCommand(change, wanted, at));
            }
        }
    }

    /// <summary>The body.</summary>
    internal static byte[] Body(Revised change, DateTimeOffset at) => WebhookBody.Write(
        WebhookEventType.MessageEventReclassified, at, (json, _) =>
        {
            var one = change.Event;
            json.WriteString("event", one.Id);
            json.WriteString("cluster", new ClusterId(one.Cluster).ToString());
            json.WriteString("message", one.Message.ToString());
            json.WriteString("kind", Word(one.Kind));
            json.WriteString("time", WebhookBody.Time(DateTimeOffset.UnixEpoch.AddMicroseconds(one.Micros)));
            json.WriteString("link", one.Link == 0 ? null : new LinkId(one.Link).ToString());
            WriteClassification(json, "before", one.Verdict, one.Vendor, one.Score, one.Reasons);
            WriteClassification(
                json, "classification", change.Opinion.Verdict, one.Vendor, change.Opinion.Score, change.Opinion.Reasons);
        });

    private static void WriteClassification(
        Utf8JsonWriter json, string name, Verdict verdict, string? vendor, int score, IReadOnlyList<string> reasons)
    {
        json.WriteStartObject(name);
        json.WriteString("verdict", Word(verdict));
        json.WriteString("vendor", vendor);
        json.WriteNumber("score", score);
        json.WriteStartArray("reasons");
        foreach (var reason in reasons)
        {
            json.WriteStringValue(reason);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string Word<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    // The delivery gets its own id, because the receiver has already seen the event's id.
    private NpgsqlBatchCommand ToCommand(Revised change, Guid[] wanted, DateTime at) => new(Insert)
    {
        Parameters =
        {
            new() { Value = change.Event.Cluster },
            new() { Value = wanted },
            new() { Value = Guid.CreateVersion7(time.GetUtcNow()) },
            new() { Value = (short)WebhookEventType.MessageEventReclassified },
            new NpgsqlParameter<DateTime> { TypedValue = at },
            new() { Value = Encoding.UTF8.GetString(Body(change, new DateTimeOffset(at, TimeSpan.Zero))) },
            new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime },
        },
    };
}

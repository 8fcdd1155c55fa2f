using System.Net;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.EventIngest.Bots;
using Tracking.Links;

namespace Tracking.EventIngest.Review;

/// <summary>
/// Judges messages again, a moment after their events were stored, because some evidence needs the other events of the
/// message (<see cref="JudgeMessage"/>). Most messages have one click of a person. For them, a look-up in the rows that
/// count messages is enough. Verdicts are revised in the transaction that takes the messages off the list, so a process
/// that dies in the middle has changed nothing. Several copies of this service share the list.
/// </summary>
internal sealed partial class ReviewMessages(
    NpgsqlDataSource dataSource,
    ReviseVerdicts revise,
    ClassifyEvent classify,
    IOptions<ClassificationOptions> options,
    TimeProvider time,
    ILogger<ReviewMessages> logger) : BackgroundService
{
    // A few thousand messages: the batches of one or two seconds.
    private const int BatchesAtOnce = 16;

    // A person causes few events. A message with more events in this window belongs to a machine or to many readers.
    private const int MostEvents = 100_000;

    private static readonly TimeSpan _together = TimeSpan.FromSeconds(10);

    // The largest difference between the times of an event and of its id, and between the clocks of two edges.
    private static readonly TimeSpan _slack = TimeSpan.FromMinutes(1);

    private const string Take =
        """
        WITH due AS (
            SELECT id FROM ingest.reviews WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        DELETE FROM ingest.reviews r USING due WHERE r.id = due.id RETURNING r.earliest, r.messages
        """;

    private const string SelectEvents =
        """
        SELECT e.id, e.cluster_id, e.message_key, e.occurred_at, e.kind, e.link_id, e.ordinal, e.client_address,
            e.user_agent, e.verdict, e.vendor, e.reasons, e.score, e.uncounted, s.sent
        FROM unnest($1::integer[], $2::bytea[], $3::boolean[]) AS w (cluster_id, message_key, is_suspect)
        JOIN ingest.message_counts m ON m.cluster_id = w.cluster_id AND m.message_key = w.message_key
            AND (m.clicks > 1 OR w.is_suspect)
        JOIN ingest.events e ON e.cluster_id = w.cluster_id AND e.message_key = w.message_key
            AND e.id >= ingest.uuidv7_floor($4) AND e.score IS NOT NULL
        LEFT JOIN LATERAL (
            SELECT coalesce(r.sent_at, r.registered_at) AS sent FROM rewrite.messages r
            WHERE r.cluster_id = w.cluster_id AND r.message_key = w.message_key) s ON true
        LIMIT $5
        """;

    /// <summary>Reviews the messages that are due.</summary>
    /// <returns>Whether there may be more.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable; the messages stay due.</exception>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var (rows, since, messages) = await TakeAsync(connection, cancellationToken);
        if (rows == 0)
        {
            return false;
        }

        var events = await EventsAsync(connection, messages, since, cancellationToken);
        var judge = new JudgeMessage(options.Value, classify.Rules);
        var many = ManyRecipients(events.Keys);
        var judged = events.GroupBy(one => (one.Key.Cluster, one.Key.Message))
            .SelectMany(one => judge.Run([.. one.Select(pair => pair.Key)], one.First().Value, many))
            .ToDictionary(pair => pair.Key.Id, pair => pair);
        if (judged.Count > 0)
        {
            var revised = await revise.RunAsync(connection, judged.Values, cancellationToken);
            LogRevised(revised);
        }

        await transaction.CommitAsync(cancellationToken);
        return rows == BatchesAtOnce;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.ReviewInterval, time);
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
                LogNotReviewed(exception.Message);
            }
        }
    }

    private async Task<(int Rows, DateTime Since, Dictionary<(int Cluster, MessageKey Message), bool> Messages)>
        TakeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var take = new NpgsqlCommand(Take, connection)
        {
            Parameters = { new() { Value = time.GetUtcNow().UtcDateTime }, new() { Value = BatchesAtOnce } },
        };
        var (rows, earliest) = (0, DateTime.MaxValue);
        var messages = new Dictionary<(int Cluster, MessageKey Message), bool>();
        await using var reader = await take.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows++;
            earliest = reader.GetDateTime(0) is var one && one < earliest ? one : earliest;
            ClickedMessages.Read(reader.GetFieldValue<byte[]>(1), messages);
        }

        return (rows, rows == 0 ? earliest : earliest - options.Value.ReachBack - _slack, messages);
    }

    private static async Task<Dictionary<StoredEvent, long?>> EventsAsync(
        NpgsqlConnection connection,
        Dictionary<(int Cluster, MessageKey Message), bool> messages,
        DateTime since,
        CancellationToken cancellationToken)
    {
        var wanted = messages.OrderBy(message => message.Key).ToArray();
        await using var select = new NpgsqlCommand(SelectEvents, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<int[]> { TypedValue = Array.ConvertAll(wanted, one => one.Key.Cluster) },
                new NpgsqlParameter<byte[][]>
                {
                    TypedValue = Array.ConvertAll(wanted, one => one.Key.Message.ToBytes()),
                    NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
                },
                new NpgsqlParameter<bool[]> { TypedValue = Array.ConvertAll(wanted, one => one.Value) },
                new NpgsqlParameter<DateTime> { TypedValue = since },
                new() { Value = MostEvents },
            },
        };
        var events = new Dictionary<StoredEvent, long?>();
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            events.Add(Read(reader), reader.IsDBNull(14) ? null : Micros(reader.GetDateTime(14)));
        }

        return events;
    }

    /// <summary>Reads an event's row: id, cluster, message, time, kind, link, ordinal, address, user agent, verdict,
    /// vendor, reasons, score, why it does not count.</summary>
    internal static StoredEvent Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetGuid(0),
        Cluster = row.GetInt32(1),
        Message = MessageKey.Read(row.GetFieldValue<byte[]>(2)),
        Micros = Micros(row.GetDateTime(3)),
        Kind = (LinkKind)row.GetInt16(4),
        Link = LinkId.FromInt64(row.GetInt64(5)).Value,
        Ordinal = (ushort)row.GetInt16(6),
        Address = row.IsDBNull(7) ? null : row.GetFieldValue<IPAddress>(7),
        UserAgent = row.IsDBNull(8) ? null : row.GetString(8),
        Verdict = (Verdict)row.GetInt16(9),
        Vendor = row.IsDBNull(10) ? null : row.GetString(10),
        Reasons = row.GetFieldValue<string[]>(11),
        Score = row.IsDBNull(12) ? 0 : row.GetInt16(12),
        IsUncounted = !row.IsDBNull(13),
    };

    // Only messages that are reviewed together are compared. This evidence counts only beside other evidence, never
    // alone.
    private HashSet<Guid> ManyRecipients(IEnumerable<StoredEvent> events)
    {
        var many = new HashSet<Guid>();
        foreach (var group in events.Where(one => one.Kind == LinkKind.Click && one.Address is not null)
            .GroupBy(one => (one.Cluster, one.Address, one.UserAgent)))
        {
            foreach (var moment in group.GroupBy(one => one.Micros / (_together.Ticks / TimeSpan.TicksPerMicrosecond)))
            {
                if (moment.DistinctBy(one => one.Message).Count() >= options.Value.ManyRecipients)
                {
                    many.UnionWith(moment.Select(one => one.Id));
                }
            }
        }

        return many;
    }

    private static long Micros(DateTime at) => (at - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Count} events have another verdict after the review")]
    private partial void LogRevised(int count);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Messages were not reviewed and wait for the next attempt: {Reason}")]
    private partial void LogNotReviewed(string reason);
}

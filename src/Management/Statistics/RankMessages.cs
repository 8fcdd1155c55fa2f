using System.Globalization;
using NpgsqlTypes;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Events;

namespace Tracking.Management.Statistics;

/// <summary>A message and its counts in a range.</summary>
/// <param name="Message">The message.</param>
/// <param name="MessageId">The id that the sender gave; null if the message is not registered.</param>
/// <param name="Recipient">The recipient; null if it is unknown.</param>
/// <param name="Clicks">Clicks.</param>
/// <param name="Opens">Opens.</param>
/// <param name="IsFirstClick">Whether the message's first click is in the range.</param>
/// <param name="IsFirstOpen">Whether the message's first open is in the range.</param>
/// <param name="IsOpener">Whether the first open or click by a person is one of them, where people are
/// counted.</param>
internal sealed record RankedMessage(
    MessageKey Message, string? MessageId, string? Recipient, long Clicks, long Opens, bool IsFirstClick,
    bool IsFirstOpen, bool IsOpener);

/// <summary>The messages of a range.</summary>
/// <param name="Range">The range that was counted: whole days if there are many events, or if events of the range are
/// no longer stored.</param>
/// <param name="Messages">The messages with the most clicks first, then with the most opens.</param>
internal sealed record RankedMessages(CountedRange Range, IReadOnlyList<RankedMessage> Messages);

/// <summary>
/// The messages of a range with the most clicks and opens. There are as many rows as messages that were sent, so not
/// all of them are added up. If the range has few events, these are counted. If it has many, only as many of the
/// busiest messages are read as decide the result (an index has the messages with at least two clicks or four opens).
/// All messages are read only if these do not decide it.
/// </summary>
internal static class RankMessages
{
    // A tenth of a second: a person does not notice the wait.
    private const int FewEvents = 50_000;

    // The weights of 128, 32, 8, 4 and 2 clicks; and without clicks, of 64, 16 and 4 opens.
    private static readonly short[] _weightsOfClicks = [39, 37, 35, 34, 33];
    private static readonly short[] _weightsOfOpens = [7, 5, 3];

    /// <summary>Reads at most <paramref name="limit"/> messages.</summary>
    public static async Task<RankedMessages> ReadAsync(
        ApiDataSource dataSource, CountSelection selection, int limit, CancellationToken cancellationToken)
    {
        var everybody = selection with { Human = HumanFilter.All };
        var total = await CountEvents.TotalAsync(dataSource, everybody, cancellationToken);
        if (total.Clicks + total.Opens <= FewEvents)
        {
            var rows = await ReadAsync(dataSource, OfEvents(selection), selection, limit, cancellationToken);
            if (rows.Events == total.Clicks + total.Opens)
            {
                return await NameAsync(dataSource, selection, rows.Rows, cancellationToken);
            }
        }

        var days = selection with { Range = selection.Range.WholeDays() };
        foreach (var weight in total.Clicks > 0 ? _weightsOfClicks : _weightsOfOpens)
        {
            var (rows, _) = await ReadAsync(dataSource, OfDays(days, weight), days, limit, cancellationToken);
            if (rows.Count == limit && IsDecided(rows[^1], total, weight))
            {
                return await NameAsync(dataSource, days, rows, cancellationToken);
            }
        }

        var all = await ReadAsync(dataSource, OfDays(days, weight: null), days, limit, cancellationToken);
        return await NameAsync(dataSource, days, all.Rows, cancellationToken);
    }

    // A message with a smaller weight has fewer clicks (or opens) in all its time than the last of these rows has in
    // the range.
    private static bool IsDecided(in Row last, StatisticsTotals total, short weight) =>
        (total.Clicks > 0 ? last.Clicks : last.Opens) >= FirstMoments.FewestOf(weight);

    private static string OfEvents(CountSelection selection)
    {
        var verdicts = selection.Human == HumanFilter.All
            ? "true"
            : $"e.verdict IN ({string.Join(", ", EventWords.Numbers(selection.Human))})";
        return $"""
            SELECT e.message_key, count(*) FILTER (WHERE e.kind = 0 AND {verdicts}) AS clicks,
                count(*) FILTER (WHERE e.kind = 1 AND {verdicts}) AS opens, count(*) AS events
            FROM ingest.events e
            WHERE e.cluster_id = $1 AND e.kind IN (0, 1) AND e.uncounted IS NULL
                AND e.occurred_at >= $2 AND e.occurred_at < $3
                AND e.id >= ingest.uuidv7_floor($2 - interval '1 minute')
                AND e.id < ingest.uuidv7_floor($3 + interval '1 minute')
            GROUP BY 1
            """;
    }

    private static string OfDays(CountSelection selection, short? weight)
    {
        var columns = CountedColumns.ClicksAndOpens(selection.Human);
        var days = string.Create(
            CultureInfo.InvariantCulture, $">= {selection.Range.FirstDay} AND {{0}} < {selection.Range.DayAfter}");
        var home = $"c.home_day {days.Replace("{0}", "c.home_day", StringComparison.Ordinal)}";
        var other = $"c.day {days.Replace("{0}", "c.day", StringComparison.Ordinal)}";
        var busy = weight is null ? "" : string.Create(CultureInfo.InvariantCulture, $"AND b.weight >= {weight}");
        var join = weight is null
            ? ""
            : "JOIN ingest.message_counts b ON b.cluster_id = c.cluster_id AND b.message_key = c.message_key";
        return $"""
            SELECT m.message_key, sum(m.clicks)::bigint AS clicks, sum(m.opens)::bigint AS opens, 0::bigint AS events
            FROM (
                SELECT c.message_key, {columns} FROM ingest.message_counts c
                WHERE c.cluster_id = $1 AND $2 < $3 AND {home} {busy.Replace("b.", "c.", StringComparison.Ordinal)}
                UNION ALL
                SELECT c.message_key, {columns} FROM ingest.message_days c {join}
                WHERE c.cluster_id = $1 AND {other} {busy}
            ) m
            GROUP BY 1
            """;
    }

    private static async Task<(List<Row> Rows, long Events)> ReadAsync(
        ApiDataSource dataSource, string counted, CountSelection selection, int limit,
        CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            SELECT message_key, clicks, opens, sum(events) OVER ()::bigint FROM ({counted}) m
            ORDER BY clicks DESC, opens DESC, message_key
            LIMIT {limit}
            """));
        command.Parameters.Add(new() { Value = selection.Cluster.Value });
        command.Parameters.Add(new() { Value = CountBucket.Start(selection.Range.From) });
        command.Parameters.Add(new() { Value = CountBucket.Start(selection.Range.To) });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<Row>();
        var events = 0L;
        while (await reader.ReadAsync(cancellationToken))
        {
            events = reader.GetInt64(3);
            if (reader.GetInt64(1) + reader.GetInt64(2) > 0)
            {
                rows.Add(new Row(
                    MessageKey.Read(reader.GetFieldValue<byte[]>(0)), reader.GetInt64(1), reader.GetInt64(2)));
            }
        }

        return (rows, events);
    }

    private static async Task<RankedMessages> NameAsync(
        ApiDataSource dataSource, CountSelection selection, List<Row> rows, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT k.message_key, m.message_id, m.recipient, c.firsts
            FROM unnest($2) AS k (message_key)
            LEFT JOIN rewrite.messages m ON m.cluster_id = $1 AND m.message_key = k.message_key
            LEFT JOIN ingest.message_counts c ON c.cluster_id = $1 AND c.message_key = k.message_key
            """);
        command.Parameters.Add(new() { Value = selection.Cluster.Value });
        command.Parameters.Add(new()
        {
            Value = rows.Select(row => row.Message.ToBytes()).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
        });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var named = new Dictionary<MessageKey, (string? Id, string? Recipient, FirstMoments Firsts)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            named[MessageKey.Read(reader.GetFieldValue<byte[]>(0))] = (
                reader.IsDBNull(1) ? null : reader.GetString(1),
                reader.IsDBNull(2) ? null : reader.GetString(2),
                reader.IsDBNull(3) ? new() : FirstMoments.Read(reader.GetFieldValue<byte[]>(3)));
        }

        return new RankedMessages(selection.Range, [.. rows.Select(row => new RankedMessage(
            row.Message, named[row.Message].Id, named[row.Message].Recipient, row.Clicks, row.Opens,
            IsFirst(named[row.Message].Firsts, LinkKind.Click, selection),
            IsFirst(named[row.Message].Firsts, LinkKind.Open, selection),
            selection.Human != HumanFilter.Machine && IsIn(named[row.Message].Firsts.Opener, selection)))]);
    }

    private static bool IsFirst(FirstMoments firsts, LinkKind kind, CountSelection selection) => IsIn(
        selection.Human == HumanFilter.All
            ? firsts.OfAnybody(kind)
            : firsts.Of(kind, machines: selection.Human == HumanFilter.Machine),
        selection);

    private static bool IsIn(FirstMoment moment, CountSelection selection) =>
        moment.Exists && moment.Micros / CountBucket.Micros is var bucket
        && bucket >= selection.Range.From && bucket < selection.Range.To;

    private readonly record struct Row(MessageKey Message, long Clicks, long Opens);
}

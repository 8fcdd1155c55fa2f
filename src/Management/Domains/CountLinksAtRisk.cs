using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Statistics;

namespace Tracking.Management.Domains;

/// <summary>The links and clicks that are lost with a tracking domain. A number is null if counting took too
/// long.</summary>
/// <param name="Hostname">The name.</param>
/// <param name="Deleted">Whether the domain was deleted; false for a dry run.</param>
/// <param name="Messages">Messages whose links are on it.</param>
/// <param name="Links">Links in them.</param>
/// <param name="ClicksLastWeek">Clicks on them in the last seven days.</param>
/// <param name="LastClickAt">When the last click came; null if no click is kept.</param>
internal sealed record LinksAtRisk(
    string Hostname, bool Deleted, long? Messages, long? Links, long? ClicksLastWeek, DateTimeOffset? LastClickAt);

/// <summary>Counts the links on a tracking domain.</summary>
internal static class CountLinksAtRisk
{
    // The longest time for counting: as long as a person reads a question before answering.
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(5);

    /// <summary>Counts as far as the time allows.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public static async Task<LinksAtRisk> CountAsync(
        ApiDataSource dataSource,
        ClusterId cluster,
        string hostname,
        bool isDeleted,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(_longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var result = new LinksAtRisk(hostname, isDeleted, null, null, null, null);
        try
        {
            result = await MessagesAsync(dataSource, cluster, result, either.Token);
            result = await LinksAsync(dataSource, cluster, result, either.Token);
            result = await ClicksAsync(dataSource, cluster, result, time.GetUtcNow(), either.Token);
            return await LastClickAsync(dataSource, cluster, result, either.Token);
        }
        catch (Exception exception) when (
            (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            || StoreAway.IsStatementTimeout(exception))
        {
            return result;
        }
    }

    private static async Task<LinksAtRisk> MessagesAsync(
        ApiDataSource dataSource, ClusterId cluster, LinksAtRisk so, CancellationToken cancellationToken)
    {
        await using var command = Command(
            dataSource,
            cluster,
            so,
            "SELECT count(*) FROM rewrite.messages WHERE cluster_id = $1 AND host = $2");
        return so with { Messages = (long)(await command.ExecuteScalarAsync(cancellationToken))! };
    }

    // The messages are counted separately, because an index has the messages, but their links are only in their rows.
    private static async Task<LinksAtRisk> LinksAsync(
        ApiDataSource dataSource, ClusterId cluster, LinksAtRisk so, CancellationToken cancellationToken)
    {
        await using var command = Command(
            dataSource,
            cluster,
            so,
            """
            SELECT coalesce(sum(link_count), 0)::bigint FROM rewrite.messages WHERE cluster_id = $1 AND host = $2
            """);
        return so with { Links = (long)(await command.ExecuteScalarAsync(cancellationToken))! };
    }

    private static async Task<LinksAtRisk> ClicksAsync(
        ApiDataSource dataSource, ClusterId cluster, LinksAtRisk so, DateTimeOffset now,
        CancellationToken cancellationToken)
    {
        var range = CountedRange.Around(now.AddDays(-7), now);
        await using var command = Command(
            dataSource,
            cluster,
            so,
            $"""
            SELECT coalesce(sum(c.clicks_people + c.clicks_machines), 0)::bigint
            FROM {range.Source(CountDimension.Host, "AND c.key = $2")}
            """);
        return so with { ClicksLastWeek = (long)(await command.ExecuteScalarAsync(cancellationToken))! };
    }

    private static async Task<LinksAtRisk> LastClickAsync(
        ApiDataSource dataSource, ClusterId cluster, LinksAtRisk so, CancellationToken cancellationToken)
    {
        await using var command = Command(
            dataSource,
            cluster,
            so,
            """
            SELECT e.occurred_at FROM ingest.events e
            JOIN rewrite.messages m ON m.cluster_id = e.cluster_id AND m.message_key = e.message_key
            WHERE e.cluster_id = $1 AND m.host = $2 AND e.kind = 0
            ORDER BY e.id DESC LIMIT 1
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? so with { LastClickAt = reader.GetFieldValue<DateTimeOffset>(0) }
            : so;
    }

    private static NpgsqlCommand Command(ApiDataSource dataSource, ClusterId cluster, LinksAtRisk so, string sql)
    {
        var command = dataSource.CreateCommand(sql);
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new() { Value = so.Hostname });
        return command;
    }
}

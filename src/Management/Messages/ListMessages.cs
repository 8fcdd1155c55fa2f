using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Messages;

/// <summary><c>GET /api/v1/clusters/{cluster}/messages</c>.</summary>
internal static class ListMessages
{
    public static void Map(IEndpointRouteBuilder messages) => messages.MapGet("/", HandleAsync)
        .RequireClusterAccess()
        .Describe("ListMessages", "Lists rewritten messages, newest first.")
        .DescribeProblems(400, 422);

    private static async Task<Results<Ok<Page<MessageResponse>>, Problem>> HandleAsync(
        ClusterId cluster,
        [AsParameters] ListMessagesQuery query,
        HttpRequest request,
        ApiDataSource dataSource,
        IOptions<ManagementOptions> options,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ListMessagesQuery>(request, errors);
        var page = await ReadPageAsync(
            cluster, query, errors, dataSource, options.Value.MaxSearched, cancellationToken);
        return page is null ? errors.ToProblem() : TypedResults.Ok(page);
    }

    /// <summary>A page of the list; <see langword="null"/> if the query has errors.</summary>
    public static async Task<Page<MessageResponse>?> ReadPageAsync(
        ClusterId cluster,
        ListMessagesQuery query,
        InputErrors errors,
        ApiDataSource dataSource,
        int maxSearched,
        CancellationToken cancellationToken)
    {
        var limit = ReadQuery.Limit(query.Limit, errors);
        var range = Range(cluster, query, errors);
        var search = Search(query, errors);
        var after = After(query, errors);
        if (errors.Any)
        {
            return null;
        }

        var items = new List<MessageResponse>();
        for (var searched = 0; ;)
        {
            var from = Behind(range, after);
            var end = search is null ? null : await FindEndOfStepAsync(dataSource, from, cancellationToken);
            await AddAsync(items, dataSource, from, search, end, limit + 1 - items.Count, cancellationToken);
            searched += SearchSteps.Rows;
            if (items.Count > limit)
            {
                items.RemoveAt(limit);
                return new Page<MessageResponse>(items, CursorOf(items[^1]));
            }

            if (end is not { } last)
            {
                return new Page<MessageResponse>(items, null);
            }

            if (searched >= maxSearched)
            {
                return new Page<MessageResponse>(items, CursorOf(last)) { Partial = true };
            }

            after = end;
        }
    }

    // The end of a step of the search; null for the last step.
    private static async Task<MessagePlace?> FindEndOfStepAsync(
        ApiDataSource dataSource, SqlConditions from, CancellationToken cancellationToken)
    {
        await using var command = from.Command(
            dataSource,
            $$"""
            SELECT m.registered_at, m.message_key FROM rewrite.messages m
            WHERE {where}
            ORDER BY m.registered_at DESC, m.message_key DESC
            OFFSET {{SearchSteps.Rows - 1}} LIMIT 1
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new MessagePlace(
                reader.GetFieldValue<DateTimeOffset>(0), MessageKey.Read(reader.GetFieldValue<byte[]>(1)))
            : null;
    }

    private static async Task AddAsync(
        List<MessageResponse> items,
        ApiDataSource dataSource,
        SqlConditions from,
        SqlConditions? search,
        MessagePlace? end,
        int count,
        CancellationToken cancellationToken)
    {
        var where = from.Copy();
        if (end is { } last)
        {
            where.And("(m.registered_at, m.message_key) >= (?, ?)", last.RegisteredAt, last.Key.ToBytes());
        }

        if (search is not null)
        {
            where.And(search);
        }

        await using var command = where.Command(
            dataSource,
            $$"""
            SELECT {{MessageResponse.Columns}}
            FROM rewrite.messages m
            WHERE {where}
            ORDER BY m.registered_at DESC, m.message_key DESC
            LIMIT {{count}}
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            items.Add(MessageResponse.Read(reader));
        }
    }

    private static SqlConditions Behind(SqlConditions range, MessagePlace? after) => after is { } place
        ? range.Copy().And(
            "(m.registered_at, m.message_key) < (?, ?)", place.RegisteredAt, place.Key.ToBytes())
        : range;

    // The conditions that have an index.
    private static SqlConditions Range(ClusterId cluster, ListMessagesQuery query, InputErrors errors)
    {
        var from = ReadQuery.Time("from", query.From, errors);
        var to = ReadQuery.Time("to", query.To, errors);
        ReadQuery.Range(from, to, errors);
        var where = new SqlConditions().And("m.cluster_id = ?", cluster.Value);
        if (from is not null)
        {
            where.And("m.registered_at >= ?", from);
        }

        if (to is not null)
        {
            where.And("m.registered_at < ?", to);
        }

        if (ReadQuery.Text("recipient", query.Recipient, errors) is { } recipient)
        {
            where.And(MessageResponse.IsRecipient("m"), recipient, recipient);
        }

        return where;
    }

    // The conditions without an index. An index of all parts of texts would be larger than the messages.
    private static SqlConditions? Search(ListMessagesQuery query, InputErrors errors)
    {
        SqlConditions? where = null;
        if (ReadQuery.Text("tag", query.Tag, errors) is { } tag)
        {
            where = new SqlConditions().And("? = ANY (m.tags)", tag);
        }

        if (ReadQuery.Text("q", query.Q, errors) is { } text)
        {
            var pattern = $"%{text.Replace("\\", "\\\\").Replace("%", "\\%").Replace("_", "\\_")}%";
            where = (where ?? new SqlConditions()).And(
                "(m.message_id ILIKE ? OR m.recipient ILIKE ? OR m.sender ILIKE ? OR m.host ILIKE ?)",
                pattern, pattern, pattern, pattern);
        }

        return where;
    }

    private static MessagePlace? After(ListMessagesQuery query, InputErrors errors)
    {
        if (string.IsNullOrEmpty(query.After))
        {
            return null;
        }

        if (Cursor.TryReadMessage(query.After, out var micros, out var key))
        {
            return new MessagePlace(DateTimeOffset.UnixEpoch.AddTicks(micros * 10), key);
        }

        errors.Add("after", Cursor.Wrong);
        return null;
    }

    private static string CursorOf(MessageResponse last)
    {
        _ = MessageKey.TryParse(last.Id, out var key);
        return CursorOf(new MessagePlace(last.RegisteredAt, key));
    }

    private static string CursorOf(MessagePlace last) =>
        Cursor.OfMessage((last.RegisteredAt - DateTimeOffset.UnixEpoch).Ticks / 10, last.Key);

    // A message's place in the order of the list.
    private readonly record struct MessagePlace(DateTimeOffset RegisteredAt, MessageKey Key);
}

/// <summary>The query of <see cref="ListMessages"/>.</summary>
internal sealed class ListMessagesQuery
{
    /// <summary>The recipient, in upper or lower case.</summary>
    [FromQuery(Name = "recipient"), Description("The whole envelope recipient, any case.")]
    public string? Recipient { get; init; }

    /// <summary>The tag.</summary>
    [FromQuery(Name = "tag"), Description("One of the message's tags; searched in the same way as q.")]
    public string? Tag { get; init; }

    /// <summary>The beginning of the range.</summary>
    [FromQuery(Name = "from"), Description("Rewritten at or after: RFC 3339, or a date (UTC).")]
    public string? From { get; init; }

    /// <summary>The end of the range (exclusive).</summary>
    [FromQuery(Name = "to"), Description("Rewritten before: RFC 3339, or a date (UTC).")]
    public string? To { get; init; }

    /// <summary>A text anywhere in the message's facts.</summary>
    [FromQuery(Name = "q"), Description("Text anywhere in message id, recipient, sender or host, any case. A search looks "
        + "through a limited number of messages at a time: while partial is true, continue with next.")]
    public string? Q { get; init; }

    /// <summary>The number of items on the page.</summary>
    [FromQuery(Name = "limit"), Description("Items of the page, 1 to 500; default 50.")]
    public string? Limit { get; init; }

    /// <summary>The position at which the page continues.</summary>
    [FromQuery(Name = "after"), Description("The value of next from the page before.")]
    public string? After { get; init; }
}

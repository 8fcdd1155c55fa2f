using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Npgsql;
using Tracking.Links;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;
using Tracking.ServiceDefaults;

namespace Tracking.Management.Messages;

/// <summary><c>GET /api/v1/clusters/{cluster}/messages</c>.</summary>
internal static class ListMessages
{
    public static void Map(IEndpointRouteBuilder messages) => messages.MapGet("/", HandleAsync)
        .RequireClusterAccess()
        .Describe("ListMessages", "Lists rewritten messages, newest first.")
        .DescribeProblems(400);

    private static async Task<Results<Ok<Page<MessageResponse>>, Problem>> HandleAsync(
        ClusterId cluster,
        [AsParameters] ListMessagesQuery query,
        HttpRequest request,
        NpgsqlDataSource dataSource,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ListMessagesQuery>(request, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        var where = Conditions(cluster, query, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        await using var command = where.Command(
            dataSource,
            $$"""
            SELECT {{MessageResponse.Columns}}
            FROM rewrite.messages m
            WHERE {where}
            ORDER BY m.registered_at DESC, m.message_key DESC
            LIMIT {{limit + 1}}
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var items = new List<MessageResponse>();
        while (items.Count < limit && await reader.ReadAsync(cancellationToken))
        {
            items.Add(MessageResponse.Read(reader));
        }

        var more = items.Count == limit && await reader.ReadAsync(cancellationToken);
        return TypedResults.Ok(new Page<MessageResponse>(items, more ? CursorOf(items[^1]) : null));
    }

    private static SqlConditions Conditions(ClusterId cluster, ListMessagesQuery query, InputErrors errors)
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
            where.And("lower(m.recipient) = lower(?)", recipient);
        }

        if (ReadQuery.Text("tag", query.Tag, errors) is { } tag)
        {
            where.And("? = ANY (m.tags)", tag);
        }

        if (ReadQuery.Text("q", query.Q, errors) is { } text)
        {
            var pattern = $"%{text.Replace("\\", "\\\\").Replace("%", "\\%").Replace("_", "\\_")}%";
            where.And(
                "(m.message_id ILIKE ? OR m.recipient ILIKE ? OR m.sender ILIKE ? OR m.host ILIKE ?)",
                pattern, pattern, pattern, pattern);
        }

        if (!string.IsNullOrEmpty(query.After))
        {
            if (Cursor.TryReadMessage(query.After, out var micros, out var key))
            {
                where.And("(m.registered_at, m.message_key) < (?, ?)", OfMicros(micros), key.ToBytes());
            }
            else
            {
                errors.Add("after", Cursor.Wrong);
            }
        }

        return where;
    }

    private static string CursorOf(MessageResponse last)
    {
        _ = MessageKey.TryParse(last.Id, out var key);
        return Cursor.OfMessage((last.RegisteredAt - DateTimeOffset.UnixEpoch).Ticks / 10, key);
    }

    private static DateTimeOffset OfMicros(long micros) => DateTimeOffset.UnixEpoch.AddTicks(micros * 10);
}

/// <summary>The query of <see cref="ListMessages"/>.</summary>
internal sealed class ListMessagesQuery
{
    /// <summary>Exact, any case.</summary>
    [FromQuery(Name = "recipient"), Description("The whole envelope recipient, any case.")]
    public string? Recipient { get; init; }

    /// <summary>Exact.</summary>
    [FromQuery(Name = "tag"), Description("One of the message's tags.")]
    public string? Tag { get; init; }

    /// <summary>First moment.</summary>
    [FromQuery(Name = "from"), Description("Rewritten at or after: RFC 3339, or a date (UTC).")]
    public string? From { get; init; }

    /// <summary>First moment after.</summary>
    [FromQuery(Name = "to"), Description("Rewritten before: RFC 3339, or a date (UTC).")]
    public string? To { get; init; }

    /// <summary>Text anywhere.</summary>
    [FromQuery(Name = "q"), Description("Text anywhere in message id, recipient, sender or host, any case.")]
    public string? Q { get; init; }

    /// <summary>Items of the page.</summary>
    [FromQuery(Name = "limit"), Description("Items of the page, 1 to 500; default 50.")]
    public string? Limit { get; init; }

    /// <summary>Where to continue.</summary>
    [FromQuery(Name = "after"), Description("The value of next from the page before.")]
    public string? After { get; init; }
}

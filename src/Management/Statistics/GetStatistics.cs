using System.ComponentModel;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Events;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Statistics;

/// <summary>A row of statistics; what does not apply to a grouping is left out.</summary>
/// <param name="Key">What the row is about: a day, an hour, a link's or message's id, a tag, a position
/// (<c>part.position</c>), a domain, a client; null where the messages say nothing of it.</param>
/// <param name="Clicks">Clicks.</param>
/// <param name="Opens">Opens.</param>
/// <param name="UniqueClicks">Messages clicked in at least once.</param>
/// <param name="UniqueOpens">Messages opened at least once.</param>
internal sealed record StatisticsRow(string? Key, long Clicks, long Opens, long UniqueClicks, long UniqueOpens)
{
    /// <summary>By day, and without grouping: messages rewritten.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Messages { get; init; }

    /// <summary>By link: where it leads. By message: the id that its sender gave.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Label { get; init; }
}

/// <summary>Statistics of a range.</summary>
/// <param name="From">The first moment counted.</param>
/// <param name="To">The first moment after.</param>
/// <param name="GroupBy">What the rows are about.</param>
/// <param name="Human">true: without recognised machines; false: those only; all.</param>
/// <param name="Rows">Days and hours in order of time, everything else by clicks and opens.</param>
/// <param name="Truncated">Whether there are more rows than the limit.</param>
internal sealed record StatisticsResponse(
    DateTimeOffset From,
    DateTimeOffset To,
    string GroupBy,
    string Human,
    IReadOnlyList<StatisticsRow> Rows,
    bool Truncated);

/// <summary>
/// <c>GET /api/v1/clusters/{cluster}/stats</c>: one query over the events, so that totals and uniques always speak of
/// the same rows.
/// </summary>
internal static class GetStatistics
{
    /// <summary>Rows in the answer when nothing else is asked for: a year of days, a month of hours.</summary>
    public const int DefaultLimit = 1000;

    /// <summary>Rows in the answer at most: a year of hours.</summary>
    public const int MaxLimit = 10_000;

    private static readonly TimeSpan _defaultRange = TimeSpan.FromDays(30);

    public static void Map(IEndpointRouteBuilder cluster) => cluster.MapGet("/stats", HandleAsync)
        .RequireClusterAccess()
        .Describe("GetStatistics", "Counts clicks and opens, by day or whatever else; days and hours are UTC.")
        .DescribeProblems(400, 422);

    private static async Task<Results<Ok<StatisticsResponse>, Problem>> HandleAsync(
        ClusterId cluster,
        [AsParameters] GetStatisticsQuery query,
        HttpRequest request,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<GetStatisticsQuery>(request, errors);
        var grouping = ReadQuery.Choice("groupBy", query.GroupBy, Grouping.Total, Grouping.Choices, errors);
        var human = ReadQuery.Choice("human", query.Human, HumanFilter.All, EventWords.Humans, errors);
        var limit = ReadQuery.Limit(query.Limit, errors, DefaultLimit, MaxLimit);
        var to = ReadQuery.Time("to", query.To, errors) ?? time.GetUtcNow();
        var from = ReadQuery.Time("from", query.From, errors) ?? to - _defaultRange;
        ReadQuery.Range(from, to, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        var selection = new EventSelection { Cluster = cluster, From = from, To = to, Human = human };
        var rows = await CountEvents.ReadAsync(dataSource, grouping, selection, limit + 1, cancellationToken);
        return TypedResults.Ok(new StatisticsResponse(
            from,
            to,
            grouping.Word,
            EventWords.Humans.First(choice => choice.Value == human).Word,
            [.. rows.Take(limit)],
            rows.Count > limit));
    }
}

/// <summary>The query of <see cref="GetStatistics"/>.</summary>
internal sealed class GetStatisticsQuery
{
    /// <summary>The grouping.</summary>
    [FromQuery(Name = "groupBy"),
        Description("day, hour, link, message, tag, position, recipientDomain, client; not given: one row of totals.")]
    public string? GroupBy { get; init; }

    /// <summary>First moment.</summary>
    [FromQuery(Name = "from"), Description("At or after: RFC 3339, or a date (UTC); default 30 days before to.")]
    public string? From { get; init; }

    /// <summary>First moment after.</summary>
    [FromQuery(Name = "to"), Description("Before: RFC 3339, or a date (UTC); default now.")]
    public string? To { get; init; }

    /// <summary>People or machines.</summary>
    [FromQuery(Name = "human"), Description("true: without recognised machines (prefetch, preview, scanner); "
        + "false: those only; all (default). A mail provider's image proxy counts as the person it fetches for.")]
    public string? Human { get; init; }

    /// <summary>Rows.</summary>
    [FromQuery(Name = "limit"), Description("Rows at most, 1 to 10,000; default 1,000.")]
    public string? Limit { get; init; }
}

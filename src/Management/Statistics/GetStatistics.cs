using System.ComponentModel;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Events;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Statistics;

/// <summary>A row of statistics. Members that do not apply to a grouping are left out.</summary>
/// <param name="Key">The value of the grouping: a day, an hour, the id of a link or of a message, a tag, a position
/// (<c>part.position</c>), a domain, a client; null for messages without such a value.</param>
/// <param name="Clicks">Clicks.</param>
/// <param name="Opens">Opens.</param>
/// <param name="UniqueClicks">Messages whose first click is in this row; by link and by position: messages whose first
/// click there is in this row. A message counts once, at the time of its first click, so rows of time can be added
/// up.</param>
/// <param name="UniqueOpens">Messages whose first open is in this row.</param>
internal sealed record StatisticsRow(string? Key, long Clicks, long Opens, long UniqueClicks, long UniqueOpens)
{
    /// <summary>Messages that a person first opened or clicked in then; not by link and position. Whose mail program
    /// loads no pictures opens unseen and shows by a click.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Openers { get; init; }

    /// <summary>By day, and without a grouping: the number of rewritten messages.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Messages { get; init; }

    /// <summary>By link: the destination. By message: the id that the sender gave.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Label { get; init; }
}

/// <summary>The sums of a range.</summary>
/// <param name="Clicks">Clicks.</param>
/// <param name="Opens">Opens.</param>
/// <param name="UniqueClicks">Messages whose first click is in the range.</param>
/// <param name="UniqueOpens">Messages whose first open is in the range.</param>
/// <param name="Openers">Messages that a person first opened or clicked in then; with human=false none.</param>
internal sealed record StatisticsTotals(
    long Clicks, long Opens, long UniqueClicks, long UniqueOpens, long Openers);

/// <summary>The statistics of a range.</summary>
/// <param name="From">The beginning of the counted range: the requested time, rounded down to a quarter of an hour. By
/// message it is rounded down to a day (UTC) if there are many events.</param>
/// <param name="To">The end of the counted range (exclusive), rounded up in the same way.</param>
/// <param name="GroupBy">The grouping.</param>
/// <param name="Human">true: without recognised machines; false: only recognised machines; all.</param>
/// <param name="TimeZone">The time zone in which days and hours begin.</param>
/// <param name="Totals">The sums of the range.</param>
/// <param name="Before">The sums of the previous range of the same length.</param>
/// <param name="Rows">Days and hours in the order of time; all other rows by clicks and opens.</param>
/// <param name="Truncated">Whether there are more rows than the limit.</param>
internal sealed record StatisticsResponse(
    DateTimeOffset From,
    DateTimeOffset To,
    string GroupBy,
    string Human,
    string TimeZone,
    StatisticsTotals Totals,
    StatisticsTotals Before,
    IReadOnlyList<StatisticsRow> Rows,
    bool Truncated);

/// <summary>
/// <c>GET /api/v1/clusters/{cluster}/stats</c>: from counters that are stored together with the events
/// (docs/statistics.md).
/// </summary>
internal static class GetStatistics
{
    /// <summary>The largest number of rows if the request names none: a year of days, a month of hours.</summary>
    public const int DefaultLimit = 1000;

    /// <summary>The largest number of rows that a request may name: a year of hours.</summary>
    public const int MaxLimit = 10_000;

    private static readonly TimeSpan _defaultRange = TimeSpan.FromDays(30);

    public static void Map(IEndpointRouteBuilder cluster) => cluster.MapGet("/stats", HandleAsync)
        .RequireClusterAccess()
        .Describe("GetStatistics", "Counts clicks and opens by a grouping, in whole quarters of an hour; from "
            + "and to in the answer say which. A unique is a message's first, and counts when it happened.")
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
        var from = ReadQuery.Time("from", query.From, errors)
            ?? CountBucket.Start(CountBucket.AtOrAfter(to)) - _defaultRange;
        ReadQuery.Range(from, to, errors);
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(query.TimeZone ?? "UTC", out var zone) || !zone.HasIanaId)
        {
            errors.Add("timeZone", "takes a name of the IANA time zone database such as Europe/Lisbon.");
        }

        if (errors.Any)
        {
            return errors.ToProblem();
        }

        var selection = new CountSelection
        {
            Cluster = cluster,
            Range = CountedRange.Around(from, to),
            Human = human,
            Zone = zone!,
        };
        List<StatisticsRow> rows;
        if (grouping == Grouping.Message)
        {
            var ranked = await RankMessages.ReadAsync(dataSource, selection, limit + 1, cancellationToken);
            selection = selection with { Range = ranked.Range };
            rows = [.. ranked.Messages.Select(ToRow)];
        }
        else
        {
            rows = await CountEvents.ReadAsync(dataSource, grouping, selection, limit + 1, cancellationToken);
        }

        return TypedResults.Ok(new StatisticsResponse(
            CountBucket.Start(selection.Range.From),
            CountBucket.Start(selection.Range.To),
            grouping.Word,
            EventWords.Humans.First(choice => choice.Value == human).Word,
            selection.Zone.Id,
            await CountEvents.TotalAsync(dataSource, selection, cancellationToken),
            await CountEvents.TotalAsync(
                dataSource, selection with { Range = selection.Range.Before }, cancellationToken),
            [.. rows.Take(limit)],
            rows.Count > limit));
    }

    private static StatisticsRow ToRow(RankedMessage message) => new(
        message.Message.ToString(), message.Clicks, message.Opens, message.IsFirstClick ? 1 : 0,
        message.IsFirstOpen ? 1 : 0)
    {
        Label = message.MessageId,
        Openers = message.IsOpener ? 1 : 0,
    };
}

/// <summary>The query of <see cref="GetStatistics"/>.</summary>
internal sealed class GetStatisticsQuery
{
    /// <summary>The grouping.</summary>
    [FromQuery(Name = "groupBy"),
        Description("day, hour, link, message, tag, position, recipientDomain, client; not given: one row of totals.")]
    public string? GroupBy { get; init; }

    /// <summary>The beginning of the range.</summary>
    [FromQuery(Name = "from"), Description("At or after: RFC 3339, or a date (UTC); default 30 days before to.")]
    public string? From { get; init; }

    /// <summary>The end of the range (exclusive).</summary>
    [FromQuery(Name = "to"), Description("Before: RFC 3339, or a date (UTC); default now.")]
    public string? To { get; init; }

    /// <summary>People or machines.</summary>
    [FromQuery(Name = "human"), Description("true: without recognised machines (prefetch, preview, scanner); "
        + "false: those only; all (default). A mail provider's image proxy counts as the person it fetches for.")]
    public string? Human { get; init; }

    /// <summary>The time zone.</summary>
    [FromQuery(Name = "timeZone"), Description("Where days and hours begin, by day and by hour: a name of the IANA time "
        + "zone database such as Europe/Lisbon; default UTC.")]
    public string? TimeZone { get; init; }

    /// <summary>The largest number of rows.</summary>
    [FromQuery(Name = "limit"), Description("Rows at most, 1 to 10,000; default 1,000.")]
    public string? Limit { get; init; }
}

using System.Globalization;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Events;

namespace Tracking.Management.Statistics;

/// <summary>A time range of the counters: whole quarters of an hour.</summary>
/// <param name="From">The first quarter: <see cref="CountBucket"/>.</param>
/// <param name="To">The first quarter after the range.</param>
internal readonly record struct CountedRange(int From, int To)
{
    /// <summary>The quarters that a time range touches.</summary>
    public static CountedRange Around(DateTimeOffset from, DateTimeOffset to) =>
        new(CountBucket.Of(from), CountBucket.AtOrAfter(to));

    /// <summary>The range of the same length directly before this range.</summary>
    public CountedRange Before => new(From - (To - From), From);

    /// <summary>The first day (since 1970, UTC) that lies completely in the range.</summary>
    public int FirstDay => (From + CountBucket.PerDay - 1) / CountBucket.PerDay;

    /// <summary>The day after the last day that lies completely in the range.</summary>
    public int DayAfter => To / CountBucket.PerDay;

    /// <summary>The days that the range touches.</summary>
    public CountedRange WholeDays() => new(
        From / CountBucket.PerDay * CountBucket.PerDay,
        (To + CountBucket.PerDay - 1) / CountBucket.PerDay * CountBucket.PerDay);

    /// <summary>
    /// The rows of a dimension in the range, as a subquery <c>c</c>; <c>$1</c> is the cluster. Whole days are read from
    /// the rows of days, and the rest at both ends from the rows of quarters.
    /// </summary>
    /// <param name="dimension">The dimension.</param>
    /// <param name="condition">A further condition on <c>c</c>, which begins with AND.</param>
    /// <param name="inQuarters">Whether everything is read from quarters: for statements that distinguish
    /// buckets.</param>
    public string Source(CountDimension dimension, string condition = "", bool inQuarters = false)
    {
        (CountGrain Grain, int From, int To)[] parts =
            inQuarters || dimension == CountDimension.Total || FirstDay >= DayAfter
            ? [(CountGrain.Quarter, From, To)]
            :
            [
                (CountGrain.Day, FirstDay * CountBucket.PerDay, DayAfter * CountBucket.PerDay),
                (CountGrain.Quarter, From, FirstDay * CountBucket.PerDay),
                (CountGrain.Quarter, DayAfter * CountBucket.PerDay, To),
            ];
        var selects = parts.Where(part => part.From < part.To).Select(part => string.Create(
            CultureInfo.InvariantCulture,
            $"""
            SELECT c.bucket, c.key, c.clicks_people, c.clicks_machines, c.opens_people, c.opens_machines,
                c.first_clicks_people, c.first_clicks_machines, c.first_clicks, c.first_opens_people,
                c.first_opens_machines, c.first_opens, c.openers
            FROM ingest.counted c
            WHERE c.cluster_id = $1 AND c.dimension = {(short)dimension} AND c.grain = {(short)part.Grain}
                AND c.bucket >= {part.From} AND c.bucket < {part.To} {condition}
                AND c.generation = coalesce((SELECT s.generation FROM ingest.statistics s WHERE s.cluster_id = $1), 0)
            """));
        return $"({string.Join("\nUNION ALL\n", selects)}) c";
    }
}

/// <summary>SQL for the rows of <see cref="CountedRange.Source"/> and for messages.</summary>
internal static class CountedColumns
{
    /// <summary>Clicks, opens, first clicks, first opens and openers, summed. Openers are people: machines have
    /// none, and all of them together have those.</summary>
    public static string Sums(HumanFilter human) => human switch
    {
        HumanFilter.Human => Sums(
            "clicks_people", "opens_people", "first_clicks_people", "first_opens_people", "openers"),
        HumanFilter.Machine => Sums(
            "clicks_machines", "opens_machines", "first_clicks_machines", "first_opens_machines") + ", 0::bigint",
        _ => Sums(
            "clicks_people + c.clicks_machines", "opens_people + c.opens_machines", "first_clicks", "first_opens",
            "openers"),
    };

    /// <summary>Clicks and opens.</summary>
    public static string ClicksAndOpens(HumanFilter human) => human switch
    {
        HumanFilter.Human => "c.clicks_people AS clicks, c.opens_people AS opens",
        HumanFilter.Machine => "c.clicks_machines AS clicks, c.opens_machines AS opens",
        _ => "c.clicks_people + c.clicks_machines AS clicks, c.opens_people + c.opens_machines AS opens",
    };

    private static string Sums(params ReadOnlySpan<string> columns)
    {
        var sums = new List<string>();
        foreach (var column in columns)
        {
            sums.Add($"coalesce(sum(c.{column}), 0)::bigint");
        }

        return string.Join(", ", sums);
    }
}

/// <summary>What is counted.</summary>
internal sealed record CountSelection
{
    public required ClusterId Cluster { get; init; }

    public required CountedRange Range { get; init; }

    public HumanFilter Human { get; init; }

    /// <summary>The time zone in which days and hours begin.</summary>
    public TimeZoneInfo Zone { get; init; } = TimeZoneInfo.Utc;
}

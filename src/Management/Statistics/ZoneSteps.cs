using System.Globalization;
using Tracking.Database.Entities;

namespace Tracking.Management.Statistics;

/// <summary>The days or hours of a zone that a range has: where each begins, in quarters of an hour.</summary>
internal static class ZoneSteps
{
    // Nobody had a tracked link before, and nobody plans for longer: a range without an end is not gone through.
    private static readonly int _first = CountBucket.Of(new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private static readonly int _last = CountBucket.Of(new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <summary>Where they begin; the first one where the range does. Where a zone is off by half an hour its hours
    /// begin at half past; an hour that a change of clocks repeats is there twice, for they begin at other
    /// moments.</summary>
    public static int[] Of(CountedRange range, TimeZoneInfo zone, bool hours)
    {
        var steps = new List<int>();
        var length = hours ? TimeSpan.TicksPerHour : TimeSpan.TicksPerDay;
        var last = long.MinValue;
        for (var bucket = Math.Clamp(range.From, _first, _last); bucket < Math.Clamp(range.To, _first, _last); bucket++)
        {
            var at = CountBucket.Start(bucket);
            var offset = zone.GetUtcOffset(at);
            var step = hours ? at.Ticks - Mod(at.Ticks + offset.Ticks, length) : (at.Ticks + offset.Ticks) / length;
            if (step != last)
            {
                steps.Add(bucket);
                last = step;
            }
        }

        return [.. steps];
    }

    /// <summary>The name of the step that begins there: a day in its zone, the moment (UTC) that an hour
    /// begins.</summary>
    public static string NameOf(int bucket, TimeZoneInfo zone, bool hours)
    {
        var at = CountBucket.Start(bucket);
        var local = TimeZoneInfo.ConvertTime(at, zone);
        return hours
            ? (at - TimeSpan.FromTicks(local.Ticks % TimeSpan.TicksPerHour)).ToString(
                "yyyy-MM-dd'T'HH':'mm':00Z'", CultureInfo.InvariantCulture)
            : local.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
    }

    private static long Mod(long ticks, long length) => ((ticks % length) + length) % length;
}

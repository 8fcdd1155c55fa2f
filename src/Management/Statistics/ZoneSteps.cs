using System.Globalization;
using Tracking.Database.Entities;

namespace Tracking.Management.Statistics;

/// <summary>The days or hours of a time zone in a range: the beginning of each, in quarters of an hour.</summary>
internal static class ZoneSteps
{
    // Tracked links did not exist before, and nobody plans further ahead. So a range without an end takes no endless
    // loop.
    private static readonly int _first = CountBucket.Of(new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private static readonly int _last = CountBucket.Of(new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <summary>The beginnings of the steps. The first step begins with the range. In a zone with an offset of half an
    /// hour, hours begin at half past. An hour that a clock change repeats appears twice, because the two begin at
    /// different times.</summary>
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

    /// <summary>The name of the step that begins there: the day in its zone, or the time (UTC) at which the hour
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

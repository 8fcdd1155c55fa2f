namespace Tracking.Management.Statistics;

/// <summary>The beginnings of an overview's steps: the steps of the previous period, then the steps of the period, then
/// the end.</summary>
internal static class OverviewSteps
{
    /// <summary>Twice the number of steps, and the end.</summary>
    public static DateTimeOffset[] Of(OverviewPeriod period, TimeZoneInfo zone, DateTimeOffset now)
    {
        var (count, step) = period switch
        {
            OverviewPeriod.Day => (24, TimeSpan.FromHours(1)),
            OverviewPeriod.Week => (7 * 24, TimeSpan.FromHours(1)),
            OverviewPeriod.Month => (30, TimeSpan.FromDays(1)),
            _ => (52, TimeSpan.FromDays(7)),
        };
        var bounds = new DateTimeOffset[2 * count + 1];
        var local = TimeZoneInfo.ConvertTime(now, zone).DateTime;
        if (step < TimeSpan.FromDays(1))
        {
            // Hours are counted, not read from a clock. An hour that a clock change repeats appears twice.
            var end = now - local.TimeOfDay + TimeSpan.FromHours(local.Hour + 1);
            for (var i = 0; i < bounds.Length; i++)
            {
                bounds[i] = (end - (bounds.Length - 1 - i) * step).ToUniversalTime();
            }

            return bounds;
        }

        for (var i = 0; i < bounds.Length; i++)
        {
            bounds[i] = Midnight(local.Date.AddDays(1) - (bounds.Length - 1 - i) * step, zone);
        }

        return bounds;
    }

    // If clocks change at midnight, the day begins later.
    private static DateTimeOffset Midnight(DateTime date, TimeZoneInfo zone)
    {
        while (zone.IsInvalidTime(date))
        {
            date = date.AddMinutes(30);
        }

        return new DateTimeOffset(date, zone.GetUtcOffset(date)).ToUniversalTime();
    }
}

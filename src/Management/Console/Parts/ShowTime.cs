using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Tracking.Management.Console.Parts;

/// <summary>
/// Shows times in the reader's time zone. A script writes the browser's zone to a cookie. The address may name another
/// zone (<c>zone=Europe/Lisbon</c>). Without both, the zone is UTC. The server renders the times, so nothing on a page
/// moves afterwards.
/// </summary>
public sealed class ShowTime(IHttpContextAccessor accessor, TimeProvider time)
{
    private const string Cookie = "tracking-zone";

    private TimeZoneInfo? _zone;

    /// <summary>The reader's time zone.</summary>
    public TimeZoneInfo Zone => _zone ??= Find(
        accessor.HttpContext?.Request.Query["zone"] is [{ } named] ? named
        : accessor.HttpContext?.Request.Cookies[Cookie]);

    /// <summary>The name of the zone.</summary>
    public string ZoneName => Zone == TimeZoneInfo.Utc ? "UTC" : Zone.Id.Replace('_', ' ');

    /// <summary>The current time.</summary>
    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>A time of day like 14:03:12.</summary>
    public string Clock(DateTimeOffset at) => Text(at, "HH:mm:ss");

    /// <summary>A time like 28 Nov, 09:40; with the year if it is not the current year.</summary>
    public string Moment(DateTimeOffset at) => Text(at, IsThisYear(at) ? "d MMM, HH:mm" : "d MMM yyyy, HH:mm");

    /// <summary>A date like 28 Nov; with the year if it is not the current year.</summary>
    public string Day(DateTimeOffset at) => Text(at, IsThisYear(at) ? "d MMM" : "d MMM yyyy");

    /// <summary>A time in a format of .NET.</summary>
    public string Text(DateTimeOffset at, string format) =>
        TimeZoneInfo.ConvertTime(at, Zone).ToString(format, CultureInfo.InvariantCulture);

    private bool IsThisYear(DateTimeOffset at) =>
        TimeZoneInfo.ConvertTime(at, Zone).Year == TimeZoneInfo.ConvertTime(Now, Zone).Year;

    private static TimeZoneInfo Find(string? name) =>
        name is { Length: > 0 and < 64 }
            && TimeZoneInfo.TryFindSystemTimeZoneById(Uri.UnescapeDataString(name), out var zone)
            ? zone
            : TimeZoneInfo.Utc;
}

using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Tracking.Management.Console.Parts;

/// <summary>
/// Times as the reader's clock has them: a script tells the browser's zone in a cookie, the address may name another
/// (<c>zone=Europe/Lisbon</c>), and without either it is UTC. Drawn by the server, so nothing on a page moves
/// afterwards.
/// </summary>
public sealed class ShowTime(IHttpContextAccessor accessor, TimeProvider time)
{
    private const string Cookie = "tracking-zone";

    private TimeZoneInfo? _zone;

    /// <summary>The reader's zone.</summary>
    public TimeZoneInfo Zone => _zone ??= Find(
        accessor.HttpContext?.Request.Query["zone"] is [{ } named] ? named
        : accessor.HttpContext?.Request.Cookies[Cookie]);

    /// <summary>Its name.</summary>
    public string ZoneName => Zone == TimeZoneInfo.Utc ? "UTC" : Zone.Id.Replace('_', ' ');

    /// <summary>Now.</summary>
    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Like 14:03:12.</summary>
    public string Clock(DateTimeOffset at) => Text(at, "HH:mm:ss");

    /// <summary>Like 28 Nov, 09:40; with the year when it is another.</summary>
    public string Moment(DateTimeOffset at) => Text(at, IsThisYear(at) ? "d MMM, HH:mm" : "d MMM yyyy, HH:mm");

    /// <summary>Like 28 Nov; with the year when it is another.</summary>
    public string Day(DateTimeOffset at) => Text(at, IsThisYear(at) ? "d MMM" : "d MMM yyyy");

    /// <summary>In a form of .NET.</summary>
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

using System.Globalization;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;

namespace Tracking.Certificates.Acme;

/// <summary>Reads how long an authority asks us to wait.</summary>
public static partial class RetryAfter
{
    /// <summary>The longest wait, 7 d, which is the longest period of an authority's limit (Let's Encrypt, rate limits
    /// of 5 August 2026). Longer times are cut to this one, because an authority that says ten years is
    /// mistaken.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    /// <summary>Reads the header: seconds or a date (RFC 9110 §10.2.3). The result is 0 to
    /// <see cref="Longest"/>.</summary>
    internal static TimeSpan? Read(RetryConditionHeaderValue? header, DateTimeOffset now) => header switch
    {
        { Delta: { } delta } => Clamp(delta),
        { Date: { } date } => Clamp(date - now),
        _ => null,
    };

    /// <summary>Reads the text of a rate limit, for authorities that send no header: "retry after 2026-08-05 12:34:56
    /// UTC".</summary>
    internal static TimeSpan? Read(string detail, DateTimeOffset now) =>
        Words().Match(detail) is { Success: true } match
        && DateTimeOffset.TryParse(
            $"{match.Groups[1].Value}T{match.Groups[2].Value}Z",
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out var until)
            ? Clamp(until - now)
            : null;

    internal static TimeSpan Clamp(TimeSpan value) =>
        value < TimeSpan.Zero ? TimeSpan.Zero : value > Longest ? Longest : value;

    [GeneratedRegex(
        @"retry after (\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Words();
}

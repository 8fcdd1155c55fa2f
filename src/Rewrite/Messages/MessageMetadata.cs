using System.Globalization;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>A metadata header with an invalid value.</summary>
/// <param name="Header">The header's name.</param>
/// <param name="Got">The header's value.</param>
/// <param name="Takes">The description of valid values.</param>
public sealed record MetadataProblem(string Header, string Got, string Takes);

/// <summary>
/// A publisher's metadata of a message: HTTP request headers, or AMQP headers of the same names. Everything is
/// optional.
/// </summary>
public sealed record MessageMetadata
{
    /// <summary>The longest message id, recipient or sender, in characters. RFC 5321 allows 256 for a path, and message
    /// ids of mailers reach a few hundred. 998 is the length of a line in RFC 5322.</summary>
    public const int MaxTextLength = 998;

    /// <summary>At most this many tags.</summary>
    public const int MaxTags = 10;

    /// <summary>The longest tag, in characters.</summary>
    public const int MaxTagLength = 64;

    // More would only repeat themselves, and results name them all in one header.
    private const int MaxIgnoredHeaders = 10;

    // .NET counts time in units of 100 ns.
    private const int MaxFractionDigits = 7;

    /// <summary><c>tracking-message-id</c>.</summary>
    public string? MessageId { get; init; }

    /// <summary><c>tracking-recipient</c>.</summary>
    public string? Recipient { get; init; }

    /// <summary><c>tracking-sender</c>.</summary>
    public string? Sender { get; init; }

    /// <summary><c>tracking-host</c>.</summary>
    public string? Host { get; init; }

    /// <summary><c>tracking-clicks</c>: <c>yes|no|html|text</c>.</summary>
    public ClickTracking? Clicks { get; init; }

    /// <summary><c>tracking-opens</c>: <c>yes|no</c>.</summary>
    public bool? Opens { get; init; }

    /// <summary><c>tracking-level</c>: <c>full|anonymous|none</c>.</summary>
    public TrackingLevel? Level { get; init; }

    /// <summary><c>tracking-tags</c>: comma-separated.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary><c>tracking-utm</c>: parameters as in a URL, or <c>off</c>.</summary>
    public UtmParameters? Utm { get; init; }

    /// <summary><c>tracking-sent-at</c>: RFC 3339.</summary>
    public DateTimeOffset? SentAt { get; init; }

    /// <summary><c>tracking-test</c>: <c>true|false</c>. A test is rewritten as any other message, and its events count
    /// nowhere.</summary>
    public bool? Test { get; init; }

    /// <summary>Postal's <c>X-AMP: skip</c>: the message gets neither click nor open tracking.</summary>
    public bool SkipsTracking { get; init; }

    /// <summary>The kinds of parts that headers of other systems leave to click tracking. They only
    /// restrict.</summary>
    public ClickTracking ClicksAllowed { get; init; } = ClickTracking.Both;

    /// <summary>Whether headers of other systems allow open tracking.</summary>
    public bool OpensAllowed { get; init; } = true;

    /// <summary>The message's own headers that are not obeyed.</summary>
    public IReadOnlyList<IgnoredHeader> IgnoredHeaders { get; init; } = [];

    /// <summary>The same, and a header that is not obeyed.</summary>
    internal MessageMetadata Ignoring(string header, HeaderIgnored why) => IgnoredHeaders.Count < MaxIgnoredHeaders
        ? this with { IgnoredHeaders = [.. IgnoredHeaders, new IgnoredHeader(header, why)] }
        : this;

    /// <summary>Reads metadata from headers by name.</summary>
    /// <param name="header">Returns the value of a header, <see langword="null"/> when absent.</param>
    /// <param name="problem">The first header with an invalid value.</param>
    /// <returns><see langword="null"/> with a <paramref name="problem"/>.</returns>
    public static MessageMetadata? Read(Func<string, string?> header, out MetadataProblem? problem)
    {
        MetadataProblem? first = null;

        T? Take<T>(string name, string takes, Func<string, T?> parse)
        {
            if (header(name)?.Trim() is not { Length: > 0 } value)
            {
                return default;
            }

            var parsed = parse(value);
            if (parsed is null)
            {
                first ??= new MetadataProblem(name, value, takes);
            }

            return parsed;
        }

        string? Text(string name) => Take(
            name,
            $"up to {MaxTextLength} characters without control characters",
            value => value.Length <= MaxTextLength && !value.Any(char.IsControl) ? value : null);

        var metadata = new MessageMetadata
        {
            MessageId = Take(
                "tracking-message-id",
                // The id returns in a header of the answer. The ids of all mailers are ASCII (RFC 5322 3.6.4).
                $"up to {MaxTextLength} printable ASCII characters",
                value => value.Length <= MaxTextLength && !value.AsSpan().ContainsAnyExceptInRange(' ', '~')
                    ? value
                    : null),
            Recipient = Text("tracking-recipient"),
            Sender = Text("tracking-sender"),
            Host = Text("tracking-host"),
            Clicks = Take("tracking-clicks", "yes, no, html or text", ParseClicks),
            Opens = Take("tracking-opens", "yes or no", ParseYesNo),
            Level = Take("tracking-level", "full, pseudonymous, anonymous or off", ParseLevel),
            Tags = Take("tracking-tags", $"at most {MaxTags} tags of {MaxTagLength} characters", ParseTags) ?? [],
            Utm = Take("tracking-utm", UtmParameters.Takes, UtmParameters.TryParse),
            Test = Take("tracking-test", "true or false", ParseTrueFalse),
            SentAt = Take(
                "tracking-sent-at", "a time as in RFC 3339, like 2026-03-01T09:30:00Z, from 1970 on", ParseTime),
        };
        problem = first;
        return first is null ? metadata : null;
    }

    /// <summary><c>yes|no|html|text</c>, any case.</summary>
    public static ClickTracking? ParseClicks(string value) => value.ToLowerInvariant() switch
    {
        "yes" => ClickTracking.Both,
        "no" => ClickTracking.None,
        "html" => ClickTracking.Html,
        "text" => ClickTracking.Text,
        _ => null,
    };

    /// <summary><c>yes|no</c>, any case.</summary>
    public static bool? ParseYesNo(string value) => value.ToLowerInvariant() switch
    {
        "yes" => true,
        "no" => false,
        _ => null,
    };

    /// <summary><c>true|false</c> or <c>yes|no</c>, any case.</summary>
    public static bool? ParseTrueFalse(string value) => value.ToLowerInvariant() switch
    {
        "true" => true,
        "false" => false,
        _ => ParseYesNo(value),
    };

    /// <summary><c>full|anonymous|none</c>, any case.</summary>
    public static TrackingLevel? ParseLevel(string value) => value.ToLowerInvariant() switch
    {
        "full" => TrackingLevel.Full,
        "pseudonymous" => TrackingLevel.Pseudonymous,
        "anonymous" => TrackingLevel.Anonymous,
        "off" or "none" => TrackingLevel.Off,
        _ => null,
    };

    /// <summary>Comma-separated tags. White space around a tag is removed, and empty tags are dropped.</summary>
    public static IReadOnlyList<string>? ParseTags(string value)
    {
        var tags = value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return tags.Length <= MaxTags && !tags.Any(tag => tag.Length > MaxTagLength || tag.Any(char.IsControl))
            ? tags
            : null;
    }

    // RFC 3339 5.6: the offset is required, a fraction has any number of digits (mailers written in Go use nine), and
    // the letters have either case. Digits finer than 100 ns are dropped.
    private static DateTimeOffset? ParseTime(string value)
    {
        var text = value.ToUpperInvariant();
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot >= 0)
        {
            var digits = text.AsSpan(dot + 1);
            var end = digits.IndexOfAnyExceptInRange('0', '9');
            if (end > MaxFractionDigits)
            {
                text = text.Remove(dot + 1 + MaxFractionDigits, end - MaxFractionDigits);
            }
        }

        return DateTimeOffset.TryParseExact(
            text,
            [
                "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:sszzz",
                "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz",
            ],
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out var time)
            // No mail is older than 1970. The database reads the first and last dates of the calendar as infinity.
            && time.Year is >= 1970 and < 9000
                ? time
                : null;
    }
}

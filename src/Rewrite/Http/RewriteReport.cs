using System.Text;
using System.Text.Json.Serialization;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Http;

/// <summary>A link in the report of a message.</summary>
/// <param name="Part">The number of the link's part, from 1.</param>
/// <param name="Position">The link's place among the part's links, from 1.</param>
/// <param name="Url">The decoded URL. Here and below, user name and password are masked.</param>
/// <param name="Encoded">The URL's bytes in the message; <c>***</c> when these contain an encoded user name.</param>
/// <param name="Decision"><c>tracked</c>, or the reason why the link stays plain.</param>
/// <param name="Destination">The destination of a click's redirect, for a tracked link.</param>
/// <param name="Name">The link's name in reports.</param>
public sealed record ReportedLink(
    int Part, int Position, string Url, string Encoded, string Decision, string? Destination, string? Name)
{
    /// <summary>The tracked URL, when the message was rewritten.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? TrackedUrl { get; init; }

    /// <summary><c>system</c> for a link whose clicks are events and count nowhere; absent for others.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Role { get; init; }

    internal static ReportedLink Of(PlannedLink link, WrittenUrls? urls)
    {
        var url = Encoding.UTF8.GetString(link.Url.Span);
        var encoded = Encoding.Latin1.GetString(link.Encoded.Span);
        if (ShownUrl.UserInfo(url) is { } secret)
        {
            var masked = encoded.Replace(secret, "***", StringComparison.Ordinal);
            encoded = masked.Contains("***@", StringComparison.Ordinal) ? masked : "***";
        }

        return new ReportedLink(
            link.Part,
            link.Position,
            ShownUrl.Mask(url),
            encoded,
            WireWords.Of(link.Decision),
            link.IsTracked ? ShownUrl.Mask(Encoding.ASCII.GetString(link.Destination.Span)) : null,
            link.Name.IsEmpty ? null : ShownUrl.Mask(Encoding.UTF8.GetString(link.Name.Span)))
        {
            TrackedUrl = urls?.Of(link),
            Role = link.IsSystem ? "system" : null,
        };
    }
}

/// <summary>A part in the report of a message.</summary>
/// <param name="Part">The part's number, from 1, over the parts that contain no other parts.</param>
/// <param name="Links">The number of links in the part.</param>
/// <param name="Reason">Why the part is left unchanged; absent when it was read.</param>
public sealed record ReportedPart(int Part, int Links, string? Reason);

/// <summary>A header of the message about its tracking that is not obeyed.</summary>
/// <param name="Header">The header's name.</param>
/// <param name="Reason">Why it is not obeyed.</param>
public sealed record ReportedHeader(string Header, string Reason);

/// <summary>The result of rewriting a message, or of a dry run.</summary>
/// <param name="Links">Every link that was found.</param>
/// <param name="Parts">Every part.</param>
/// <param name="TrackedLinks">The number of links that would be wrapped.</param>
/// <param name="Opens">Whether the message would get an open pixel.</param>
/// <param name="Untouched">Why nothing would be tracked; absent otherwise.</param>
/// <param name="HostIgnored">The requested tracking host, if it is not used; <c>hostIgnoredReason</c> says why.</param>
/// <param name="KeepsSignedControlHeaders">Whether control headers stay in the message because its DKIM signature names
/// them.</param>
public sealed record RewriteReport(
    IReadOnlyList<ReportedLink> Links,
    IReadOnlyList<ReportedPart> Parts,
    int TrackedLinks,
    bool Opens,
    string? Untouched,
    string? HostIgnored,
    bool KeepsSignedControlHeaders)
{
    /// <summary>The version of the words in <c>decision</c>, <c>reason</c> and <c>untouched</c>:
    /// <c>docs/reasons.md</c>. Version 2 has hyphens in place of blanks; earlier reports had no version.</summary>
    [JsonPropertyOrder(-1)]
    public int Version { get; init; } = WireWords.Version;

    /// <summary>The report of a message about which nothing is known.</summary>
    internal static RewriteReport None { get; } = new([], [], 0, false, null, null, false);

    /// <summary>The host of the message's links.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Host { get; init; }

    /// <summary>Why <see cref="HostIgnored"/> is not used.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? HostIgnoredReason { get; init; }

    /// <summary>The cluster's default domain, when the system host replaces it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? DefaultHostIgnored { get; init; }

    /// <summary>Why <see cref="DefaultHostIgnored"/> is not used.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? DefaultHostIgnoredReason { get; init; }

    /// <summary>The message's own headers about its tracking that are not obeyed; absent when all are.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ReportedHeader>? IgnoredHeaders { get; init; }

    /// <summary>The open pixel's URL, when the message was rewritten and has one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PixelUrl { get; init; }

    /// <summary>The given id, or the hash in place of an id, when the message was rewritten.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? MessageId { get; init; }

    /// <summary>The rewritten message in base64, when the message was rewritten.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ReadOnlyMemory<byte>? Message { get; init; }

    internal static RewriteReport Of(RewritePlan plan, WrittenUrls? urls = null) => new(
        [.. plan.Links.Select(link => ReportedLink.Of(link, urls))],
        [.. plan.Parts.Select(part => new ReportedPart(part.Number, part.Links, WireWords.Of(part.Reason)))],
        plan.TrackedLinks,
        plan.HasPixel,
        WireWords.Of(plan.UntouchedReason),
        null,
        plan.KeepsSignedControlHeaders)
    {
        PixelUrl = urls?.Pixel,
        IgnoredHeaders = plan.Request.IgnoredHeaders is { Count: > 0 } ignored
            ? [.. ignored.Select(one => new ReportedHeader(one.Header, WireWords.Of(one.Why)))]
            : null,
    };

    internal RewriteReport With(ChosenHost? host) => host is null ? this : this with
    {
        Host = host.Origin.Host.Value,
        HostIgnored = host.Ignored?.Host,
        HostIgnoredReason = host.Ignored is { } ignored ? WireWords.Of(ignored.Why) : null,
        DefaultHostIgnored = host.IgnoredDefault?.Host,
        DefaultHostIgnoredReason = host.IgnoredDefault is { } usual ? WireWords.Of(usual.Why) : null,
    };
}

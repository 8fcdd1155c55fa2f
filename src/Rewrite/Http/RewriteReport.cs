using System.Text;
using System.Text.Json.Serialization;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Http;

/// <summary>A link in the report of a message.</summary>
/// <param name="Part">The part it stands in, 1 and up.</param>
/// <param name="Position">Its place among the part's links, 1 and up.</param>
/// <param name="Url">The URL as the message means it; here and below, user name and password are masked.</param>
/// <param name="Encoded">The bytes it had in the message; <c>***</c> when a user name in them is encoded.</param>
/// <param name="Decision"><c>tracked</c>, or why it stays plain.</param>
/// <param name="Destination">Where a click is redirected to, when tracked.</param>
/// <param name="Name">Its name for reports.</param>
public sealed record ReportedLink(
    int Part, int Position, string Url, string Encoded, string Decision, string? Destination, string? Name)
{
    /// <summary>The URL in its place, when it was rewritten.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? TrackedUrl { get; init; }

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
        };
    }
}

/// <summary>A part in the report of a message.</summary>
/// <param name="Part">Its number, 1 and up, over the parts that hold no other parts.</param>
/// <param name="Links">Links found in it.</param>
/// <param name="Reason">Why it is left as it is; absent when it was read.</param>
public sealed record ReportedPart(int Part, int Links, string? Reason);

/// <summary>What becomes of a message, or would.</summary>
/// <param name="Links">Every link that was found.</param>
/// <param name="Parts">Every part.</param>
/// <param name="TrackedLinks">How many links would be wrapped.</param>
/// <param name="Opens">Whether it would get an open pixel.</param>
/// <param name="Untouched">Why nothing would be tracked; absent otherwise.</param>
/// <param name="HostIgnored">The tracking host asked for that is not used; <c>hostIgnoredReason</c> says why.</param>
/// <param name="KeepsSignedControlHeaders">Whether control headers stay in the message, because its DKIM signature
/// names them.</param>
public sealed record RewriteReport(
    IReadOnlyList<ReportedLink> Links,
    IReadOnlyList<ReportedPart> Parts,
    int TrackedLinks,
    bool Opens,
    string? Untouched,
    string? HostIgnored,
    bool KeepsSignedControlHeaders)
{
    /// <summary>The version of the words in <c>decision</c>, <c>reason</c> and <c>untouched</c>: <c>docs/reasons.md</c>.
    /// 2 since they have hyphens in place of blanks; reports before had no version.</summary>
    [JsonPropertyOrder(-1)]
    public int Version { get; init; } = WireWords.Version;

    /// <summary>Of a message about which nothing is known.</summary>
    internal static RewriteReport None { get; } = new([], [], 0, false, null, null, false);

    /// <summary>The host of its links.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Host { get; init; }

    /// <summary>Why <see cref="HostIgnored"/> is not used.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? HostIgnoredReason { get; init; }

    /// <summary>The cluster's default domain, when the system host takes its place.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? DefaultHostIgnored { get; init; }

    /// <summary>Why <see cref="DefaultHostIgnored"/> is not used.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? DefaultHostIgnoredReason { get; init; }

    /// <summary>The open pixel's URL, when the message was rewritten and has one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PixelUrl { get; init; }

    /// <summary>The id given, or the hash made for it, when the message was rewritten.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? MessageId { get; init; }

    /// <summary>The message as it goes out, base64, when it was rewritten.</summary>
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

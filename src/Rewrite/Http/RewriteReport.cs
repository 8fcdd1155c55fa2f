using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Http;

/// <summary>A link in the report of a dry run.</summary>
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
    internal static ReportedLink Of(PlannedLink link)
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
            link.Decision,
            link.IsTracked ? ShownUrl.Mask(Encoding.ASCII.GetString(link.Destination.Span)) : null,
            link.Name.IsEmpty ? null : ShownUrl.Mask(Encoding.UTF8.GetString(link.Name.Span)));
    }
}

/// <summary>A part in the report of a dry run.</summary>
/// <param name="Part">Its number, 1 and up, over the parts that hold no other parts.</param>
/// <param name="Links">Links found in it.</param>
/// <param name="Reason">Why it is left as it is; absent when it was read.</param>
public sealed record ReportedPart(int Part, int Links, string? Reason);

/// <summary>What would become of a message.</summary>
/// <param name="Links">Every link that was found.</param>
/// <param name="Parts">Every part.</param>
/// <param name="TrackedLinks">How many links would be wrapped.</param>
/// <param name="Opens">Whether it would get an open pixel.</param>
/// <param name="Untouched">Why nothing would be tracked; absent otherwise.</param>
/// <param name="HostIgnored">The tracking host asked for that is not an active tracking domain of the cluster; the
/// default takes its place.</param>
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
    internal static RewriteReport Of(RewritePlan plan, string? hostIgnored) => new(
        [.. plan.Links.Select(ReportedLink.Of)],
        [.. plan.Parts.Select(part => new ReportedPart(part.Number, part.Links, part.Reason))],
        plan.TrackedLinks,
        plan.HasPixel,
        plan.UntouchedReason,
        hostIgnored,
        plan.KeepsSignedControlHeaders);
}

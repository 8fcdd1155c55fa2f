using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Messages;

/// <summary>The tracked URLs of a registered message, for callers that report them.</summary>
/// <param name="plan">The message's plan. This object is valid until the plan is disposed.</param>
/// <param name="links">The link ids, in ordinal order.</param>
/// <param name="cluster">The message's cluster.</param>
/// <param name="message">The message's key.</param>
/// <param name="key">Signs the tokens.</param>
public sealed class WrittenUrls(RewritePlan plan, LinkId[] links, ClusterId cluster, MessageKey message, SigningKey key)
{
    /// <summary>The tracked URL of a link; <see langword="null"/> for a link that stays plain.</summary>
    public string? Of(PlannedLink link)
    {
        if (!link.IsTracked)
        {
            return null;
        }

        var token = Token(links[link.Ordinal], link.Ordinal, link.Kind);
        if (link.Kind == LinkKind.Image)
        {
            return $"{Origin}/i/{token}";
        }

        using var path = new ByteBuffer();
        TrackedUrl.AppendPath(plan.Request, plan.Limits, link.Destination.Span, isHtml: false, path);
        return Origin + Encoding.ASCII.GetString(path.Span) + token;
    }

    /// <summary>The open pixel's URL; <see langword="null"/> without a pixel.</summary>
    public string? Pixel => plan.HasPixel
        ? $"{Origin}/o/{Token(default, 0, LinkKind.Open)}"
        : null;

    private string Token(LinkId link, int ordinal, LinkKind kind) =>
        new LinkToken(cluster, message, link, ordinal, kind, (int)plan.Request.Level).ToString(key);

    private string Origin => Encoding.ASCII.GetString(plan.Request.Origin!.Ascii);
}

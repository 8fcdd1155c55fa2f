using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// The open pixel's markup. Its size is explicit, and its <c>alt</c> is empty so that nothing is visible while images
/// are blocked. It does not change the layout. As a block it has no line and so no line height. Because it is
/// positioned, it adds no height and the margins before and behind it still collapse. Some mail programs remove the
/// position (Gmail does): there it floats with an empty margin box. The properties that styles of mails often set for
/// all images are marked as important.
/// </summary>
internal static class OpenPixel
{
    /// <summary>The markup before the URL.</summary>
    public static ReadOnlySpan<byte> Before => "<img src=\""u8;

    /// <summary>The markup behind the URL.</summary>
    public static ReadOnlySpan<byte> After =>
        "\" width=\"1\" height=\"1\" border=\"0\" alt=\"\""u8;

    /// <summary>The style, and the end of the tag.</summary>
    public static ReadOnlySpan<byte> Style =>
        " style=\"display:block;position:absolute;float:left;width:1px!important;height:1px!important;"u8
        + "margin:-1px -1px 0 0!important;padding:0!important;border:0\">"u8;

    /// <summary>The change that adds the pixel to a part.</summary>
    internal static Splice Splice(RewriteRequest request, in Landmarks landmarks)
    {
        var at = request.PixelPosition == PixelPosition.Top && landmarks.Top >= 0 ? landmarks.Top : landmarks.Bottom;
        return new Splice
        {
            Kind = SpliceKind.Pixel,
            Start = at,
            End = at,
            ValueStart = at,
            Length = Length(request.Origin!.Ascii.Length),
            BreakAt = -1,
        };
    }

    /// <summary>Octets of the whole tag.</summary>
    /// <param name="originLength">Octets of the tracking origin.</param>
    public static int Length(int originLength) =>
        Before.Length + originLength + "/o/"u8.Length + LinkToken.Length + After.Length + Style.Length;
}

using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// The open pixel's markup. Its size is explicit, and its <c>alt</c> empty so that nothing shows while images are
/// blocked. It takes no part in the layout: a block has no line and so no line height, positioned it neither adds
/// height nor keeps the margins before and behind it from collapsing, and where mail programs take the position out
/// (Gmail does) it floats with a margin box of nothing. Marked as important is what the styles of mails set for all
/// their images.
/// </summary>
internal static class OpenPixel
{
    /// <summary>What stands before the URL.</summary>
    public static ReadOnlySpan<byte> Before => "<img src=\""u8;

    /// <summary>What stands behind the URL.</summary>
    public static ReadOnlySpan<byte> After =>
        "\" width=\"1\" height=\"1\" border=\"0\" alt=\"\""u8;

    /// <summary>The style, and the end of the tag.</summary>
    public static ReadOnlySpan<byte> Style =>
        " style=\"display:block;position:absolute;float:left;width:1px!important;height:1px!important;"u8
        + "margin:-1px -1px 0 0!important;padding:0!important;border:0\">"u8;

    /// <summary>What adds the pixel to a part.</summary>
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

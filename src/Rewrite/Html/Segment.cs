using Tracking.Links;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Html;

/// <summary>What the reading of a segment depends on besides its bytes.</summary>
/// <param name="Charset">The part's charset, one in which ASCII is ASCII wherever it stands.</param>
/// <param name="IsQuotedPrintable">Whether the bytes are quoted-printable, else they are the content itself.</param>
/// <param name="Images">Whether images are links too.</param>
/// <param name="TextLimit">Bytes kept of a link's visible text.</param>
internal readonly record struct SegmentKind(MailCharset Charset, bool IsQuotedPrintable, bool Images, int TextLimit);

/// <summary>
/// A stretch of a part that was read before: from text to text, with every tag in it whole, so that the same bytes mean
/// the same wherever they stand. The URL of its link may be another one, as where it is the recipient's own: between
/// the same quotes it changes nothing else. Holds what was found, nothing of what was decided: that is the cluster's.
/// </summary>
internal sealed class Segment
{
    /// <summary>What it was read as.</summary>
    public required SegmentKind Kind { get; init; }

    /// <summary>Its bytes, transfer encoding and all.</summary>
    public required byte[] Markup { get; init; }

    /// <summary>Where in its bytes the URL stands that may be another one; behind them all when there is
    /// none.</summary>
    public required ByteRange Gap { get; init; }

    /// <summary>Index of the link with that URL.</summary>
    public required int GapLink { get; init; }

    /// <summary>Whether the part ends with it.</summary>
    public required bool EndsPart { get; init; }

    /// <summary>Its links in document order.</summary>
    public required SegmentLink[] Links { get; init; }

    /// <summary>Opt-out markers to remove.</summary>
    public required ByteRange[] Removals { get; init; }

    /// <summary>Sources of images that end like a token.</summary>
    public required ByteRange[] PossiblePixels { get; init; }

    /// <summary>What the links' ranges and the possible pixels are of.</summary>
    public required byte[] Texts { get; init; }

    /// <summary>Places for the pixel.</summary>
    public required Landmarks Landmarks { get; init; }

    /// <summary>Where <see cref="MarkupMemory"/> had what followed it last; only a guess.</summary>
    public int Next { get; set; } = -1;

    /// <summary>A place in its bytes, where the gap holds so many more.</summary>
    public int Moved(int place, int more) => place >= Gap.End ? place + more : place;

    /// <summary>Compares.</summary>
    /// <param name="rest">The rest of a part.</param>
    /// <returns>How many bytes of the rest are this segment, whatever stands in its gap; -1 when it begins with another
    /// one.</returns>
    public int Match(ReadOnlySpan<byte> rest)
    {
        if (!rest.StartsWith(Markup.AsSpan(0, Gap.Start)))
        {
            return -1;
        }

        var length = Gap.Start;
        if (Gap.Length > 0)
        {
            var behind = Markup.AsSpan(Gap.End);
            var gap = rest.Slice(length, Math.Min(rest.Length - length, MarkupMemory.MaxSegmentBytes))
                .IndexOf((byte)'"');
            if (gap < 0 || !rest[(length + gap)..].StartsWith(behind))
            {
                return -1;
            }

            length += gap + behind.Length;
        }

        return EndsPart == (length == rest.Length) ? length : -1;
    }

    /// <summary>Where the URL of a segment's link stands, if it is written as nearly all are. Only reading tells
    /// whether it is one.</summary>
    /// <returns>An empty range behind the segment when none is seen.</returns>
    public static ByteRange FindGap(ReadOnlySpan<byte> segment, bool isQuotedPrintable)
    {
        var tag = segment.LastIndexOf("<a "u8);
        var before = isQuotedPrintable ? "href=3D\""u8 : "href=\""u8;
        var at = tag < 0 ? -1 : segment[tag..].IndexOf(before);
        if (at >= 0)
        {
            at += tag + before.Length;
            var length = segment[at..].IndexOf((byte)'"');
            if (length > 0)
            {
                return new ByteRange(at, length);
            }
        }

        return new ByteRange(segment.Length, 0);
    }
}

/// <summary>A link in a segment. Its place is in the segment's bytes.</summary>
internal struct SegmentLink
{
    public int Start;
    public int End;
    public int BreakAt;
    public FoundFlags Flags;
    public ByteRange Url;
    public ByteRange Name;
    public ByteRange Text;

    /// <summary>What <see cref="DestinationPolicy"/> says of the URL.</summary>
    public DestinationOutcome Outcome;

    public ByteRange Destination;
    public ByteRange Host;
    public ByteRange Path;
    public int PathStart;
    public bool IsHttps;
    public UrlTraits Traits;

    /// <summary>Whether the URL is a destination as it stands.</summary>
    public readonly bool IsPlain => Outcome == DestinationOutcome.Accepted && Destination == Url;

    /// <summary>The destination as <see cref="DestinationPolicy"/> gave it.</summary>
    public readonly DestinationUrl ReadDestination(ReadOnlySpan<byte> texts) => new()
    {
        Url = Destination.In(texts),
        Host = Host.In(texts),
        Path = Path.In(texts),
        PathStart = PathStart,
        IsHttps = IsHttps,
    };
}

/// <summary>What a destination's URL is like by itself, in whichever message it stands.</summary>
[Flags]
internal enum UrlTraits : byte
{
    /// <summary>Not looked at yet.</summary>
    Unread = 0,

    /// <summary>Looked at: what is not said of it is not so.</summary>
    Read = 1,

    /// <summary><see cref="NestedLink.MayBeTracked"/>.</summary>
    MayHoldLink = 2,

    /// <summary><see cref="ComparableUrl.IsComparable"/>.</summary>
    Comparable = 4,
}

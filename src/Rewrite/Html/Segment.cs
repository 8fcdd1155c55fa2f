using Tracking.Links;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Html;

/// <summary>The conditions, besides the bytes, that decide how a segment is read.</summary>
/// <param name="Charset">The part's charset. In it an ASCII byte always means the ASCII character.</param>
/// <param name="IsQuotedPrintable">True for quoted-printable bytes; false for bytes that are the content
/// itself.</param>
/// <param name="Images">Whether images are links too.</param>
/// <param name="TextLimit">The number of bytes kept of a link's visible text.</param>
internal readonly record struct SegmentKind(MailCharset Charset, bool IsQuotedPrintable, bool Images, int TextLimit);

/// <summary>
/// A stretch of a part that was read before. It begins and ends in text and contains only whole tags, so equal bytes
/// have an equal meaning at any place. The URL of one link may differ between messages, for example the recipient's own
/// URL: between the same quotes a URL changes nothing else. A segment contains findings and no decisions, because
/// decisions depend on the cluster.
/// </summary>
internal sealed class Segment
{
    /// <summary>The conditions of reading.</summary>
    public required SegmentKind Kind { get; init; }

    /// <summary>The segment's bytes, in transfer encoding.</summary>
    public required byte[] Markup { get; init; }

    /// <summary>The range of the URL that may differ. Without such a URL, an empty range behind all bytes.</summary>
    public required ByteRange Gap { get; init; }

    /// <summary>The index of the link whose URL may differ.</summary>
    public required int GapLink { get; init; }

    /// <summary>Whether the segment is the last one of its part.</summary>
    public required bool EndsPart { get; init; }

    /// <summary>The segment's links in document order.</summary>
    public required SegmentLink[] Links { get; init; }

    /// <summary>Opt-out markers to remove.</summary>
    public required ByteRange[] Removals { get; init; }

    /// <summary>Sources of images whose last characters have the form of a token.</summary>
    public required ByteRange[] PossiblePixels { get; init; }

    /// <summary>The bytes that the ranges of the links and possible pixels refer to.</summary>
    public required byte[] Texts { get; init; }

    /// <summary>Places for the pixel.</summary>
    public required Landmarks Landmarks { get; init; }

    /// <summary>The place in <see cref="MarkupMemory"/> of the segment that followed last time; a guess.</summary>
    public int Next { get; set; } = -1;

    /// <summary>A place in the segment after the gap has grown by <paramref name="more"/> bytes.</summary>
    public int Moved(int place, int more) => place >= Gap.End ? place + more : place;

    /// <summary>Compares the segment with the rest of a part.</summary>
    /// <param name="rest">The rest of a part.</param>
    /// <returns>The number of bytes of the rest that are this segment, with any URL in its gap; -1 when the rest begins
    /// with another segment.</returns>
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

    /// <summary>Guesses the range of the URL in a segment's link from the usual form. Only reading shows whether the
    /// bytes are a URL.</summary>
    /// <returns>An empty range behind the segment when no URL in the usual form is present.</returns>
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

/// <summary>A link in a segment. Its place is relative to the segment's bytes.</summary>
internal struct SegmentLink
{
    public int Start;
    public int End;
    public int BreakAt;
    public FoundFlags Flags;
    public ByteRange Url;
    public ByteRange Name;
    public ByteRange Text;

    /// <summary>The result of <see cref="DestinationPolicy"/> for the URL.</summary>
    public DestinationOutcome Outcome;

    public ByteRange Destination;
    public ByteRange Host;
    public ByteRange Path;
    public int PathStart;
    public bool IsHttps;
    public UrlTraits Traits;

    /// <summary>Whether the URL is a valid destination without a change.</summary>
    public readonly bool IsPlain => Outcome == DestinationOutcome.Accepted && Destination == Url;

    /// <summary>The destination that <see cref="DestinationPolicy"/> returned.</summary>
    public readonly DestinationUrl ReadDestination(ReadOnlySpan<byte> texts) => new()
    {
        Url = Destination.In(texts),
        Host = Host.In(texts),
        Path = Path.In(texts),
        PathStart = PathStart,
        IsHttps = IsHttps,
    };
}

/// <summary>Properties of a destination's URL that do not depend on the message.</summary>
[Flags]
internal enum UrlTraits : byte
{
    /// <summary>The properties are not known yet.</summary>
    Unread = 0,

    /// <summary>The properties are known: a flag that is not set is false.</summary>
    Read = 1,

    /// <summary><see cref="NestedLink.MayBeTracked"/>.</summary>
    MayHoldLink = 2,

    /// <summary><see cref="ComparableUrl.IsComparable"/>.</summary>
    Comparable = 4,
}

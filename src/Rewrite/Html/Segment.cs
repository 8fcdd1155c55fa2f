using Tracking.Links;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Html;

/// <summary>What the reading of a segment depends on besides its bytes.</summary>
/// <param name="Charset">The part's charset, one in which ASCII is ASCII wherever it stands.</param>
/// <param name="IsQuotedPrintable">Whether the bytes are quoted-printable, else they are the content itself.</param>
/// <param name="Images">Whether images are links too.</param>
/// <param name="TextLimit">Bytes kept of a link's visible text.</param>
internal readonly record struct SegmentKind(MailCharset Charset, bool IsQuotedPrintable, bool Images, int TextLimit);

/// <summary>The places in a part that matter for the pixel; -1 where there is none.</summary>
internal struct Landmarks
{
    /// <summary>Behind the first end tag of <c>head</c>.</summary>
    public int HeadEnd;

    /// <summary>Behind the first start tag of <c>body</c>.</summary>
    public int BodyStart;

    /// <summary>Before the last end tag of <c>body</c>.</summary>
    public int BodyEnd;

    /// <summary>Behind the last character that is not white space.</summary>
    public int TextEnd;

    /// <summary>No places.</summary>
    public static Landmarks None => new() { HeadEnd = -1, BodyStart = -1, BodyEnd = -1, TextEnd = -1 };

    /// <summary>Where a pixel at the top goes; -1 when the markup shows no such place.</summary>
    public readonly int Top => BodyStart >= 0 ? BodyStart : HeadEnd;

    /// <summary>Where a pixel at the bottom goes.</summary>
    public readonly int Bottom => BodyEnd >= 0 ? BodyEnd : TextEnd;

    /// <summary>Adds the places of what follows.</summary>
    /// <param name="later">Its places.</param>
    /// <param name="start">Where it starts.</param>
    public void Add(in Landmarks later, int start)
    {
        HeadEnd = HeadEnd < 0 ? Moved(later.HeadEnd, start) : HeadEnd;
        BodyStart = BodyStart < 0 ? Moved(later.BodyStart, start) : BodyStart;
        BodyEnd = later.BodyEnd < 0 ? BodyEnd : later.BodyEnd + start;
        TextEnd = later.TextEnd < 0 ? TextEnd : later.TextEnd + start;
    }

    private static int Moved(int place, int start) => place < 0 ? -1 : place + start;
}

/// <summary>
/// A stretch of a part that was read before: from text to text, with every tag in it whole, so that the same bytes mean
/// the same wherever they stand. Holds what was found in it, nothing of what was decided: that is the cluster's.
/// </summary>
internal sealed class Segment
{
    /// <summary>What it was read as.</summary>
    public required SegmentKind Kind { get; init; }

    /// <summary>Its bytes, transfer encoding and all.</summary>
    public required byte[] Markup { get; init; }

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

    /// <summary>Whether the rest of a part begins with it, and ends with it only if it did.</summary>
    public bool Begins(ReadOnlySpan<byte> rest) =>
        (EndsPart ? rest.Length == Markup.Length : rest.Length > Markup.Length) && rest.StartsWith(Markup);
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
    public bool IsHttps;

    /// <summary>The destination as <see cref="DestinationPolicy"/> gave it.</summary>
    public readonly DestinationUrl ReadDestination(ReadOnlySpan<byte> texts) => new()
    {
        Url = Destination.In(texts),
        Host = Host.In(texts),
        Path = Path.In(texts),
        IsHttps = IsHttps,
    };
}

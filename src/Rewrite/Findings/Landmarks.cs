namespace Tracking.Rewrite.Findings;

/// <summary>The possible places of the pixel in a part; -1 for a missing place.</summary>
internal struct Landmarks
{
    /// <summary>Behind the first end tag of <c>head</c>.</summary>
    public int HeadEnd;

    /// <summary>Behind the first start tag of <c>body</c>.</summary>
    public int BodyStart;

    /// <summary>Before the last end tag of <c>body</c>.</summary>
    public int BodyEnd;

    /// <summary>Before the last end tag of <c>html</c>.</summary>
    public int HtmlEnd;

    /// <summary>Before the first start tag of <c>frameset</c>.</summary>
    public int Frameset;

    /// <summary>Behind the last character that is not white space.</summary>
    public int TextEnd;

    /// <summary>No places.</summary>
    public static Landmarks None => new()
    {
        HeadEnd = -1,
        BodyStart = -1,
        BodyEnd = -1,
        HtmlEnd = -1,
        Frameset = -1,
        TextEnd = -1,
    };

    /// <summary>Whether a frameset stands in place of the body. A pixel before the frames would turn them off, and
    /// browsers do not show a pixel behind them.</summary>
    public readonly bool HasFrames => Frameset >= 0 && (BodyStart < 0 || Frameset < BodyStart);

    /// <summary>The place of a pixel at the top; -1 when the markup has no such place.</summary>
    public readonly int Top => BodyStart >= 0 ? BodyStart : HeadEnd;

    /// <summary>The place of a pixel at the bottom. It is never behind the document's end, because mail programs cut
    /// off what follows the end.</summary>
    public readonly int Bottom => BodyEnd >= 0 && HtmlEnd >= 0 ? Math.Min(BodyEnd, HtmlEnd)
        : BodyEnd >= 0 ? BodyEnd
        : HtmlEnd >= 0 ? HtmlEnd
        : TextEnd;

    /// <summary>Adds the places of the following markup.</summary>
    /// <param name="later">The places of the following markup.</param>
    /// <param name="start">The start of the following markup.</param>
    public void Add(in Landmarks later, int start)
    {
        HeadEnd = HeadEnd < 0 ? Moved(later.HeadEnd, start) : HeadEnd;
        BodyStart = BodyStart < 0 ? Moved(later.BodyStart, start) : BodyStart;
        BodyEnd = later.BodyEnd < 0 ? BodyEnd : later.BodyEnd + start;
        HtmlEnd = later.HtmlEnd < 0 ? HtmlEnd : later.HtmlEnd + start;
        Frameset = Frameset < 0 ? Moved(later.Frameset, start) : Frameset;
        TextEnd = later.TextEnd < 0 ? TextEnd : later.TextEnd + start;
    }

    /// <summary>The same places after bytes were inserted or removed.</summary>
    /// <param name="place">The place of the change.</param>
    /// <param name="more">The number of inserted bytes; negative for removed bytes.</param>
    public readonly Landmarks MovedBehind(int place, int more) => new()
    {
        HeadEnd = HeadEnd < place ? HeadEnd : HeadEnd + more,
        BodyStart = BodyStart < place ? BodyStart : BodyStart + more,
        BodyEnd = BodyEnd < place ? BodyEnd : BodyEnd + more,
        HtmlEnd = HtmlEnd < place ? HtmlEnd : HtmlEnd + more,
        Frameset = Frameset < place ? Frameset : Frameset + more,
        TextEnd = TextEnd < place ? TextEnd : TextEnd + more,
    };

    private static int Moved(int place, int start) => place < 0 ? -1 : place + start;
}

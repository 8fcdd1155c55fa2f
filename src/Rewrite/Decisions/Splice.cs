namespace Tracking.Rewrite.Decisions;

/// <summary>The replacement that a splice writes.</summary>
internal enum SpliceKind : byte
{
    /// <summary>Nothing.</summary>
    Removal,

    /// <summary>A tracked link.</summary>
    Link,

    /// <summary>The pixel.</summary>
    Pixel,

    /// <summary>The rest of a base64 body.</summary>
    Base64,

    /// <summary>The new value of a header field that describes changed content.</summary>
    Sum,
}

/// <summary>One change. Its coordinates are those of the message or, inside base64, of the decoded content.</summary>
internal struct Splice
{
    public int Start;
    public int End;

    /// <summary>Where a link's value starts. Between <see cref="Start"/> and here are only a blank that becomes a line
    /// break, and the attribute's name.</summary>
    public int ValueStart;

    /// <summary>Index of the planned link, of the base64 body, or of the content sum.</summary>
    public int Index;

    /// <summary>Octets of the replacement before transfer encoding.</summary>
    public int Length;

    /// <summary>The place of white space that may become a line break; -1 for none.</summary>
    public int BreakAt;

    public SpliceKind Kind;

    /// <summary>The number of the plan's charset that encodes the replacement, from 1; 0 for a charset that contains
    /// ASCII unchanged.</summary>
    public byte Charset;

    public bool IsHtml;
    public bool IsQuotedPrintable;
    public bool BreaksLine;

    /// <summary>Whether a line break follows the pixel.</summary>
    public bool BreaksBehind;

    public bool UsesLf;

    /// <summary>Takes bytes out.</summary>
    public static Splice Removal(int start, int end) =>
        new() { Kind = SpliceKind.Removal, Start = start, End = end, ValueStart = start, BreakAt = -1 };

    /// <summary>Sorts changes into ascending order. Most lists are sorted already.</summary>
    public static void Sort(Span<Splice> splices)
    {
        // Insertion sort is fastest for a few displaced changes. For many it would be quadratic.
        var moves = 8 * splices.Length;
        for (var i = 1; i < splices.Length; i++)
        {
            if (Compare(splices[i - 1], splices[i]) <= 0)
            {
                continue;
            }

            var to = i - 1;
            while (to > 0 && moves > i - to && Compare(splices[to - 1], splices[i]) > 0)
            {
                to--;
            }

            moves -= i - to;
            if (moves <= 0)
            {
                splices.Sort(static (a, b) => Compare(a, b));
                return;
            }

            var late = splices[i];
            splices[to..i].CopyTo(splices[(to + 1)..]);
            splices[to] = late;
        }
    }

    private static int Compare(in Splice a, in Splice b) =>
        a.Start != b.Start ? a.Start.CompareTo(b.Start) : a.End.CompareTo(b.End);
}

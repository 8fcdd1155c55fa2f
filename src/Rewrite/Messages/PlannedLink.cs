using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>A link of the message and what was decided about it; good until the plan is disposed.</summary>
public readonly record struct PlannedLink
{
    private readonly LinkReport _report;
    private readonly int _index;

    internal PlannedLink(LinkReport report, int index)
    {
        _report = report;
        _index = index;
    }

    /// <summary>The part it stands in, counted from 1 over all parts that hold no other parts.</summary>
    public int Part => Row.Part;

    /// <summary>Its place among the links of the part, counted from 1 in document order.</summary>
    public int Position => Row.Position;

    /// <summary>The ordinal in its token, counted over the tracked links of the message; -1 when it stays
    /// plain.</summary>
    public int Ordinal => Row.Ordinal;

    /// <summary><see cref="LinkDecision.Tracked"/> or the reason why it stays plain.</summary>
    public LinkDecision Decision => Row.Decision;

    /// <summary>A click or an image.</summary>
    public LinkKind Kind => Row.Kind;

    /// <summary>The URL as the message means it, UTF-8: character references decoded, flowed lines joined.</summary>
    public ReadOnlyMemory<byte> Url => _report.Text(Row, Row.Url);

    /// <summary>The same as it stood in the message, transfer encoding and all; in a base64 part, decoded.</summary>
    public ReadOnlyMemory<byte> Encoded => _report.Encoded(Row);

    /// <summary>Where a click is redirected to: printable ASCII. Empty when it stays plain.</summary>
    public ReadOnlyMemory<byte> Destination => _report.Text(Row, Row.Destination);

    /// <summary>The link's name for reports, UTF-8: given by the sender, else the visible text or <c>alt</c>.</summary>
    public ReadOnlyMemory<byte> Name => _report.Text(Row, Row.Name);

    /// <summary>Whether it is wrapped.</summary>
    public bool IsTracked => Ordinal >= 0;

    private ref readonly LinkRow Row => ref _report.Row(_index);
}

/// <summary>A part of the message that holds no other parts.</summary>
/// <param name="Number">Counted from 1.</param>
/// <param name="Links">Links found in it.</param>
/// <param name="Reason">Why it was left as it is; <see langword="null"/> when it was read.</param>
public readonly record struct PlannedPart(int Number, int Links, Untouched? Reason);

/// <summary>What a splice puts in place of the bytes it takes out.</summary>
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

    /// <summary>A header field's statement about a changed content.</summary>
    Sum,
}

/// <summary>One change, in the coordinates of the message or, inside base64, of the decoded content.</summary>
internal struct Splice
{
    public int Start;
    public int End;

    /// <summary>Where a link's value starts; before it, from <see cref="Start"/> on, only a blank that becomes a line
    /// break, and the attribute's name.</summary>
    public int ValueStart;

    /// <summary>Index of the planned link, of the base64 body, or of the content sum.</summary>
    public int Index;

    /// <summary>Octets of the replacement, before any transfer encoding.</summary>
    public int Length;

    /// <summary>White space that may become a line break; -1 when there is none.</summary>
    public int BreakAt;

    public SpliceKind Kind;

    /// <summary>Which of the plan's charsets the replacement is encoded in, from 1; 0 when ASCII is ASCII.</summary>
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

    /// <summary>Brings changes into ascending order, in which they nearly always are.</summary>
    public static void Sort(Span<Splice> splices)
    {
        // A few that stand too far behind are put in their place; where there are many, that would be quadratic.
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

/// <summary>A base64 body with changes.</summary>
/// <param name="Content">The decoded content, pooled.</param>
/// <param name="Length">Its length.</param>
/// <param name="Layout">The lines.</param>
/// <param name="KeptContent">Decoded octets that the kept raw bytes hold.</param>
/// <param name="BodyStart">Where the body starts in the message.</param>
/// <param name="Splices">The changes, in the decoded content.</param>
internal sealed record Base64Part(
    byte[] Content, int Length, Base64Layout Layout, int KeptContent, int BodyStart, Splice[] Splices);

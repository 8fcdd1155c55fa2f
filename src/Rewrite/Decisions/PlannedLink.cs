using Tracking.Links;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Decisions;

/// <summary>A link of the message and the decision about it; valid until the plan is disposed.</summary>
public readonly record struct PlannedLink
{
    private readonly LinkReport _report;
    private readonly int _index;

    internal PlannedLink(LinkReport report, int index)
    {
        _report = report;
        _index = index;
    }

    /// <summary>The number of the link's part, counted from 1 over all parts that contain no other parts.</summary>
    public int Part => Row.Part;

    /// <summary>The link's place among the links of its part, counted from 1 in document order.</summary>
    public int Position => Row.Position;

    /// <summary>The ordinal in the link's token, counted over the tracked links of the message; -1 for a link that
    /// stays plain.</summary>
    public int Ordinal => Row.Ordinal;

    /// <summary><see cref="LinkDecision.Tracked"/> or the reason why the link stays plain.</summary>
    public LinkDecision Decision => Row.Decision;

    /// <summary>A click or an image.</summary>
    public LinkKind Kind => Row.Kind;

    /// <summary>Whether it leads to the sender's own pages (<c>data-link-role="system"</c>): its clicks count
    /// nowhere.</summary>
    public bool IsSystem => Row.IsSystem;

    /// <summary>The URL as UTF-8, with character references decoded and flowed lines joined.</summary>
    public ReadOnlyMemory<byte> Url => _report.Text(Row, Row.Url);

    /// <summary>The URL's bytes in the message, in transfer encoding; for a base64 part, decoded.</summary>
    public ReadOnlyMemory<byte> Encoded => _report.Encoded(Row);

    /// <summary>The destination of a click's redirect, in printable ASCII. Empty for a link that stays plain.</summary>
    public ReadOnlyMemory<byte> Destination => _report.DestinationMemory(Row);

    /// <summary>The link's name for reports, UTF-8: given by the sender, else the visible text or <c>alt</c>.</summary>
    public ReadOnlyMemory<byte> Name => _report.Text(Row, Row.Name);

    /// <summary>Whether it is wrapped.</summary>
    public bool IsTracked => Ordinal >= 0;

    private ref readonly LinkRow Row => ref _report.Row(_index);
}

/// <summary>A part of the message that contains no other parts.</summary>
/// <param name="Number">Counted from 1.</param>
/// <param name="Links">The number of links in the part.</param>
/// <param name="Reason">Why the part was left unchanged; <see langword="null"/> when it was read.</param>
public readonly record struct PlannedPart(int Number, int Links, Untouched? Reason);

using Tracking.Links;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Decisions;

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

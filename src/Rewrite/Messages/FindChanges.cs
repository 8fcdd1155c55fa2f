using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Mime;
using Tracking.Rewrite.Text;

namespace Tracking.Rewrite.Messages;

/// <summary>Finds the changes of a part's content.</summary>
internal sealed class FindChanges(RewritePlan plan, LinkDecider decider, MarkupMemory? memory) : IDisposable
{
    private readonly ReadSegments? _segments = memory is null ? null : new(plan, decider, memory);
    private readonly PartFindings _found = new();
    private readonly DecodedText _text = new();

    /// <summary>The links of the content, in document order.</summary>
    public ReadOnlySpan<FoundLink> Links => _found.Links.Span;

    /// <summary>The changes in ascending order, in the coordinates of the content.</summary>
    public PooledList<Splice> Edits { get; } = new();

    /// <summary>Reads a content.</summary>
    /// <param name="part">The part.</param>
    /// <param name="number">The part's number.</param>
    /// <param name="content">The content, with transfer encoding decoded.</param>
    /// <returns>Why the part stays unchanged, or <see langword="null"/>.</returns>
    public Untouched? Run(in MimePart part, int number, ReadOnlySpan<byte> content)
    {
        Clear();
        var charset = part.Charset!;
        return charset.NeedsDecoding
            ? RunDecoded(part, number, content, charset.OfContent(content))
            : Find(part, number, content, charset, null);
    }

    /// <summary>Reads a body's bytes without decoding them first. The result is the same as that of <see cref="Run"/>
    /// for the decoded content.</summary>
    /// <param name="part">The part.</param>
    /// <param name="number">The part's number.</param>
    /// <param name="body">The body's bytes, or the content.</param>
    /// <param name="isQuotedPrintable">Whether the bytes are quoted-printable.</param>
    /// <returns>Whether the body could be read so. Changes and links are then in the coordinates of the
    /// bytes.</returns>
    public bool TryRunInSegments(in MimePart part, int number, ReadOnlySpan<byte> body, bool isQuotedPrintable) =>
        _segments is not null && _segments.TryRun(part, number, body, isQuotedPrintable, Edits);

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Edits.Truncate();
        _found.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Edits.Dispose();
        _found.Dispose();
        _text.Dispose();
        _segments?.Dispose();
    }

    private Untouched? RunDecoded(in MimePart part, int number, ReadOnlySpan<byte> content, MailCharset? charset)
    {
        // Mail servers on the way do not see UTF-16 as lines (RFC 2781 4.2).
        if (charset is null || (charset.UnitLength > 1 && part.Encoding == TransferEncoding.Lines))
        {
            return Untouched.Charset;
        }

        if (content.Length > plan.Limits.MaxDecodedBytes)
        {
            return Untouched.TooLargeToDecode;
        }

        if (!_text.TryDecode(content, charset))
        {
            return Untouched.InvalidCharset;
        }

        var firstLink = plan.Report.Count;
        var reason = Find(part, number, _text.Utf8, MailCharset.Utf8, charset);
        if (reason is null && !DecodedChanges.Apply(_text, content, charset, Edits, _found.Links))
        {
            plan.Report.UntrackFrom(firstLink, LinkDecision.Charset);
            Clear();
            reason = Untouched.InvalidCharset;
        }

        foreach (ref var edit in Edits.Span)
        {
            edit.Charset = plan.NumberOf(charset);
        }

        return reason;
    }

    private Untouched? Find(
        in MimePart part, int number, ReadOnlySpan<byte> content, MailCharset charset, MailCharset? encoded)
    {
        var request = plan.Request;
        if (part.Kind == PartKind.Plain)
        {
            if (InlinePgp.Reason(content) is { } reason)
            {
                return reason;
            }

            FindTextLinks.Find(content, charset, part.IsFlowed, part.DeletesSpace, _found);
        }
        else if (FindHtmlLinks.Find(
            content, charset, request.TracksImages, plan.Limits.MaxLinkNameBytes, _found) is { } reason)
        {
            _found.Clear();
            return reason;
        }

        foreach (var (start, end) in _found.Removals)
        {
            Edits.Add(Splice.Removal(start, end));
        }

        var position = 0;
        decider.DecideFound(content, charset, encoded, number, ref position, _found, Edits);
        // An empty part may have no line break of its own. A pixel would then be on the boundary's line.
        if (part.Kind == PartKind.Html && request.AddsPixel && part.BodyStart < part.BodyEnd
            && !_found.Landmarks.HasFrames && !decider.HasPixel(content, _found))
        {
            Edits.Add(OpenPixel.Splice(request, _found.Landmarks));
        }

        Splice.Sort(Edits.Span);
        return null;
    }
}

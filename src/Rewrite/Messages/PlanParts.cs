using System.Buffers;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>Goes through a message's parts and collects the plan's splices and report.</summary>
internal sealed class PlanParts : IDisposable
{
    private readonly RewritePlan _plan;
    private readonly LinkDecider _decider;
    private readonly FindChanges _changes;
    private readonly QuotedPrintable _quotedPrintable = new();
    private readonly List<MimePart> _parts = [];
    private readonly List<PlannedPart> _reports = [];

    public PlanParts(RewritePlan plan, MarkupMemory? memory)
    {
        _plan = plan;
        _decider = new LinkDecider(plan);
        _changes = new FindChanges(plan, _decider, memory);
    }

    public void Run()
    {
        var bodyIsSigned = RemoveControlHeaders.Run(_plan, _decider);
        var request = _plan.Request;
        var problem = bodyIsSigned && !request.TrackSigned
            ? Untouched.DkimSigned
            : MimeWalker.Walk(_plan.Message, _plan.Limits, _parts, _plan.ContentSums);
        if (problem is null)
        {
            for (var i = 0; i < _parts.Count; i++)
            {
                PlanPart(_parts[i], i + 1);
            }

            PlanContentSums();
        }

        _plan.Parts = _reports;
        _plan.Report.Number();
        if (_plan.TrackedLinks == 0 && _plan.Pixels == 0)
        {
            _plan.UntouchedReason = problem ?? ReasonOfParts();
        }
    }

    public void Dispose()
    {
        _changes.Dispose();
        _quotedPrintable.Dispose();
        _decider.Dispose();
    }

    private string ReasonOfParts()
    {
        var request = _plan.Request;
        if (request.Origin is null)
        {
            return Untouched.NoTrackingHost;
        }

        if (request.TrackClicks == ClickTracking.None && !request.TrackOpens)
        {
            return Untouched.TrackingOff;
        }

        // The most telling reason: of the parts that would have been rewritten, else of those that hide their content.
        string? reason = null;
        for (var i = 0; i < _reports.Count; i++)
        {
            if (_reports[i].Reason is null)
            {
                return Untouched.NothingToTrack;
            }

            var candidate = _reports[i].Reason;
            if (reason is null or Untouched.OtherType or Untouched.Attachment)
            {
                reason = candidate;
            }
        }

        return reason is null or Untouched.OtherType or Untouched.Attachment ? Untouched.NoHtmlOrText : reason;
    }

    private void PlanPart(in MimePart part, int number)
    {
        var reason = part.Reason ?? (part.Charset is null ? Untouched.Charset : null);
        var links = 0;
        if (reason is null)
        {
            reason = part.Encoding switch
            {
                TransferEncoding.Lines or TransferEncoding.Binary => PlanPlainBody(part, number, out links),
                TransferEncoding.QuotedPrintable => PlanQuotedPrintable(part, number, out links),
                TransferEncoding.Base64 => PlanBase64(part, number, out links),
                _ => Untouched.UnknownEncoding,
            };
        }

        _reports.Add(new PlannedPart(number, links, reason));
    }

    // Fields that state something about a content which is changed.
    private void PlanContentSums()
    {
        var sums = _plan.ContentSums;
        var bodySplices = _plan.Splices.Count;
        for (var i = 0; i < sums.Count; i++)
        {
            var first = RewritePlan.FirstSplice(_plan.Splices.Span[..bodySplices], sums[i].BodyStart);
            if (first < bodySplices && _plan.Splices[first].Start <= sums[i].BodyEnd)
            {
                _plan.Splices.Add(new Splice
                {
                    Kind = SpliceKind.Sum,
                    Index = i,
                    Start = sums[i].ValueStart,
                    End = sums[i].ValueEnd,
                    BreakAt = -1,
                });
            }
        }

        if (_plan.Splices.Count > bodySplices)
        {
            Splice.Sort(_plan.Splices.Span);
        }
    }

    private string? PlanPlainBody(in MimePart part, int number, out int links)
    {
        var body = _plan.Message[part.BodyStart..part.BodyEnd];
        var firstLink = _plan.Report.Count;
        var reason = RunContent(part, number, body, out links);
        if (_changes.Edits.Count > 0 && part.Encoding == TransferEncoding.Lines)
        {
            FitLines.Run(body, _changes.Edits.Span, _plan.Limits.MaxLineBytes, _plan.Report);
        }

        AcceptAll(part, firstLink, isQuotedPrintable: false);
        return reason;
    }

    private string? PlanQuotedPrintable(in MimePart part, int number, out int links)
    {
        var body = _plan.Message[part.BodyStart..part.BodyEnd];
        var firstLink = _plan.Report.Count;
        var reason = _changes.TryRunInSegments(part, number, body, isQuotedPrintable: true)
            ? null
            : RunDecoded(part, number, body, firstLink);
        links = _plan.Report.Count - firstLink;
        AcceptAll(part, firstLink, isQuotedPrintable: true);
        return reason;
    }

    private string? RunDecoded(in MimePart part, int number, ReadOnlySpan<byte> body, int firstLink)
    {
        var content = ArrayPool<byte>.Shared.Rent(body.Length);
        try
        {
            var length = _quotedPrintable.Decode(body, content);
            var reason = _changes.Run(part, number, content.AsSpan(0, length));
            for (var i = 0; i < _changes.Links.Length; i++)
            {
                var raw = _quotedPrintable.RawRange(body, _changes.Links[i].Start, _changes.Links[i].End);
                _plan.Report.SetEncoded(firstLink + i, raw.Start, raw.End);
            }

            _quotedPrintable.Rewind();
            foreach (ref var edit in _changes.Edits.Span)
            {
                var raw = _quotedPrintable.RawRange(body, edit.Start, edit.End);
                (edit.Start, edit.End, edit.ValueStart) = (raw.Start, raw.End, raw.Start);
            }

            return reason;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(content);
        }
    }

    // Links are left in the coordinates of the content.
    private string? RunContent(in MimePart part, int number, ReadOnlySpan<byte> content, out int links)
    {
        var firstLink = _plan.Report.Count;
        string? reason = null;
        if (!_changes.TryRunInSegments(part, number, content, isQuotedPrintable: false))
        {
            reason = _changes.Run(part, number, content);
            for (var i = 0; i < _changes.Links.Length; i++)
            {
                _plan.Report.SetEncoded(firstLink + i, _changes.Links[i].Start, _changes.Links[i].End);
            }
        }

        links = _plan.Report.Count - firstLink;
        return reason;
    }

    // From the coordinates of the body to those of the message.
    private void AcceptAll(in MimePart part, int firstLink, bool isQuotedPrintable)
    {
        for (var i = firstLink; i < _plan.Report.Count; i++)
        {
            ref var encoded = ref _plan.Report.Row(i).Encoded;
            encoded = encoded with { Start = encoded.Start + part.BodyStart };
        }

        if (_changes.Edits.Count == 0)
        {
            return;
        }

        var usesLf = LineBreak.IsLf(_plan.Message, part.BodyStart, part.BodyEnd);
        foreach (ref readonly var edit in _changes.Edits.Span)
        {
            if (edit.Kind == SpliceKind.Link && !_plan.Report.Row(edit.Index).IsTracked)
            {
                continue;
            }

            _plan.Pixels += edit.Kind == SpliceKind.Pixel ? 1 : 0;
            ref var splice = ref _plan.Splices.Append(edit);
            splice.Start += part.BodyStart;
            splice.End += part.BodyStart;
            splice.ValueStart += part.BodyStart;
            splice.UsesLf = usesLf;
            splice.IsQuotedPrintable = isQuotedPrintable;
        }
    }

    private string? PlanBase64(in MimePart part, int number, out int links)
    {
        links = 0;
        var body = _plan.Message[part.BodyStart..part.BodyEnd];
        var content = ArrayPool<byte>.Shared.Rent((body.Length / 4 * 3) + 3);
        var length = Base64Body.Decode(body, content);
        string? reason = Untouched.InvalidEncoding;
        _changes.Clear();
        if (length >= 0)
        {
            reason = RunContent(part, number, content.AsSpan(0, length), out links);
        }

        var firstLink = _plan.Report.Count - links;
        if (_changes.Edits.Count == 0)
        {
            if (links == 0)
            {
                ArrayPool<byte>.Shared.Return(content);
                return reason;
            }

            _plan.Base64Parts.Add(new Base64Part(content, length, default, 0, part.BodyStart, []));
            _plan.Report.SetEncodedIn(firstLink, content);
            return reason;
        }

        var added = 0;
        foreach (ref readonly var edit in _changes.Edits.Span)
        {
            _plan.Pixels += edit.Kind == SpliceKind.Pixel ? 1 : 0;
            added += edit.Length;
        }

        var kept = _changes.Edits[0].Start / 3 * 3;
        var layout = Base64Body.Measure(body, kept);
        _plan.Base64Parts.Add(
            new Base64Part(content, length, layout, kept, part.BodyStart, _changes.Edits.Span.ToArray()));
        _plan.Report.SetEncodedIn(firstLink, content);
        _plan.Splices.Add(new Splice
        {
            Kind = SpliceKind.Base64,
            Index = _plan.Base64Parts.Count - 1,
            Start = part.BodyStart + layout.KeptRaw,
            End = part.BodyStart + layout.TailStart,
            Length = added / 3 * 4,
            UsesLf = LineBreak.IsLf(_plan.Message, part.BodyStart, part.BodyEnd),
        });
        return reason;
    }
}

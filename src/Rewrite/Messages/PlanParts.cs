using System.Buffers;
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

    public PlanParts(RewritePlan plan)
    {
        _plan = plan;
        _decider = new LinkDecider(plan);
        _changes = new FindChanges(plan, _decider);
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
        _plan.AllLinks = _decider.Links();
        _plan.TrackedLinks = _decider.TrackedLinks;
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
        var firstLink = _decider.NextIndex;
        var reason = _changes.Run(part, number, body);
        links = _changes.Links.Length;
        for (var i = 0; i < links; i++)
        {
            _decider.SetEncoded(
                firstLink + i, part.BodyStart + _changes.Links[i].Start, part.BodyStart + _changes.Links[i].End);
        }

        if (_changes.Edits.Count == 0)
        {
            return reason;
        }

        var usesLf = LineBreak.IsLf(_plan.Message, part.BodyStart, part.BodyEnd);
        if (part.Encoding == TransferEncoding.Lines)
        {
            FitLines.Run(body, _changes.Edits.Span, _plan.Limits.MaxLineBytes, _decider);
        }

        foreach (ref readonly var edit in _changes.Edits.Span)
        {
            if (edit.Kind == SpliceKind.Link && !_decider.IsTracked(edit.Index))
            {
                continue;
            }

            var splice = edit;
            splice.Start += part.BodyStart;
            splice.End += part.BodyStart;
            splice.ValueStart += part.BodyStart;
            splice.UsesLf = usesLf;
            Accept(splice);
        }

        return reason;
    }

    private string? PlanQuotedPrintable(in MimePart part, int number, out int links)
    {
        var body = _plan.Message[part.BodyStart..part.BodyEnd];
        var content = ArrayPool<byte>.Shared.Rent(body.Length);
        try
        {
            var length = _quotedPrintable.Decode(body, content);
            var firstLink = _decider.NextIndex;
            var reason = _changes.Run(part, number, content.AsSpan(0, length));
            links = _changes.Links.Length;
            for (var i = 0; i < links; i++)
            {
                var (start, end) = RawRange(part, body, _changes.Links[i].Start, _changes.Links[i].End);
                _decider.SetEncoded(firstLink + i, start, end);
            }

            _quotedPrintable.Rewind();
            var usesLf = LineBreak.IsLf(_plan.Message, part.BodyStart, part.BodyEnd);
            foreach (ref readonly var edit in _changes.Edits.Span)
            {
                var splice = edit;
                (splice.Start, splice.End) = RawRange(part, body, edit.Start, edit.End);
                splice.ValueStart = splice.Start;
                splice.IsQuotedPrintable = true;
                splice.UsesLf = usesLf;
                Accept(splice);
            }

            return reason;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(content);
        }
    }

    private (int Start, int End) RawRange(in MimePart part, ReadOnlySpan<byte> body, int start, int end)
    {
        var rawStart = part.BodyStart + _quotedPrintable.RawStart(body, start);
        return (rawStart, end == start ? rawStart : part.BodyStart + _quotedPrintable.RawEnd(body, end));
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
            var firstLink = _decider.NextIndex;
            reason = _changes.Run(part, number, content.AsSpan(0, length));
            links = _changes.Links.Length;
            for (var i = 0; i < links; i++)
            {
                _decider.SetEncoded(firstLink + i, content.AsSpan(_changes.Links[i].Start.._changes.Links[i].End));
            }
        }

        if (_changes.Edits.Count == 0)
        {
            ArrayPool<byte>.Shared.Return(content);
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

    private void Accept(in Splice splice)
    {
        _plan.Pixels += splice.Kind == SpliceKind.Pixel ? 1 : 0;
        _plan.Splices.Add(splice);
    }
}

using System.Buffers;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// Processes a message's parts and collects the plan's splices and report. First all links are found and decided,
/// because a mark on one link may hold for a link in an earlier part. Then the remaining changes are fitted in.
/// </summary>
internal sealed class PlanParts : IDisposable
{
    private readonly RewritePlan _plan;
    private readonly LinkDecider _decider;
    private readonly FindChanges _changes;
    private readonly QuotedPrintable _quotedPrintable = new();
    private readonly List<MimePart> _parts = [];
    private readonly List<PlannedPart> _reports = [];
    private readonly PooledList<PartEdits> _read = new();

    public PlanParts(RewritePlan plan, MarkupMemory? memory)
    {
        _plan = plan;
        _decider = new LinkDecider(plan.Request, plan.Limits, plan.Report);
        _changes = new FindChanges(plan, _decider, memory);
    }

    public void Run()
    {
        RemoveControlHeaders.Run(_plan);
        foreach (ref readonly var field in _plan.Header.Fields)
        {
            if (field.Kind == HeaderFieldKind.Unsubscribe)
            {
                ReadUnsubscribe.Run(_plan.Header.Value(field.Range), _decider);
            }
        }

        var problem = _plan.Header.BodyIsSigned && !_plan.Request.TrackSigned
            ? Untouched.DkimSigned
            : _plan.Header.ReadParts(_parts, _plan.ContentSums);
        if (problem is null)
        {
            var headerSplices = _plan.Splices.Count;
            for (var i = 0; i < _parts.Count; i++)
            {
                ReadPart(_parts[i], i + 1);
            }

            AcceptAll(headerSplices, CoverAlternatives.Run(_plan.Report, _parts));
            PlanContentSums();
        }

        _plan.Parts = _reports;
        AddUtmParameters.Run(_plan.Report, _plan.Request.Utm);
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
        _read.Dispose();
    }

    private Untouched ReasonOfParts()
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

        // The first reason that says more than OtherType or Attachment.
        Untouched? reason = null;
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

        return reason is null or Untouched.OtherType or Untouched.Attachment ? Untouched.NoHtmlOrText : reason.Value;
    }

    private void ReadPart(in MimePart part, int number)
    {
        var reason = part.Reason ?? (part.Charset is null ? Untouched.Charset : null);
        var links = 0;
        if (reason is null)
        {
            reason = part.Encoding switch
            {
                TransferEncoding.Lines or TransferEncoding.Binary => ReadPlainBody(part, number, out links),
                TransferEncoding.QuotedPrintable => ReadQuotedPrintable(part, number, out links),
                TransferEncoding.Base64 => ReadBase64(part, number, out links),
                _ => Untouched.UnknownEncoding,
            };
        }

        _reports.Add(new PlannedPart(number, links, reason));
    }

    // Fields that describe changed content.
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

    private Untouched? ReadPlainBody(in MimePart part, int number, out int links)
    {
        var reason = RunContent(part, number, _plan.Message[part.BodyStart..part.BodyEnd], out links);
        MoveEncoded(part, links);
        Keep(number, -1);
        return reason;
    }

    private Untouched? ReadQuotedPrintable(in MimePart part, int number, out int links)
    {
        var body = _plan.Message[part.BodyStart..part.BodyEnd];
        var firstLink = _plan.Report.Count;
        var reason = _changes.TryRunInSegments(part, number, body, isQuotedPrintable: true)
            ? null
            : RunDecoded(part, number, body, firstLink);
        links = _plan.Report.Count - firstLink;
        MoveEncoded(part, links);
        Keep(number, -1);
        return reason;
    }

    private Untouched? ReadBase64(in MimePart part, int number, out int links)
    {
        links = 0;
        var body = _plan.Message[part.BodyStart..part.BodyEnd];
        var content = ArrayPool<byte>.Shared.Rent((body.Length / 4 * 3) + 3);
        var length = Base64Body.Decode(body, content);
        if (length < 0)
        {
            ArrayPool<byte>.Shared.Return(content);
            return Untouched.InvalidEncoding;
        }

        var reason = RunContent(part, number, content.AsSpan(0, length), out links);
        if (links == 0 && _changes.Edits.Count == 0)
        {
            ArrayPool<byte>.Shared.Return(content);
            return reason;
        }

        _plan.Base64Parts.Add(new Base64Part(content, length, default, 0, part.BodyStart, []));
        _plan.Report.SetEncodedIn(_plan.Report.Count - links, content);
        Keep(number, _plan.Base64Parts.Count - 1);
        return reason;
    }

    // The changes stay in the coordinates of the body, or of base64 content, until all parts are read.
    private void Keep(int number, int base64Part)
    {
        var edits = _changes.Edits.Span;
        if (edits.Length == 0)
        {
            return;
        }

        _read.Add(new PartEdits(number - 1, _plan.Splices.Count, edits.Length, base64Part));
        _plan.Splices.Add(edits);
    }

    // Converts the coordinates of the body to those of the message.
    private void MoveEncoded(in MimePart part, int links)
    {
        for (var i = _plan.Report.Count - links; i < _plan.Report.Count; i++)
        {
            ref var encoded = ref _plan.Report.Row(i).Encoded;
            encoded = encoded with { Start = encoded.Start + part.BodyStart };
        }
    }

    private Untouched? RunDecoded(in MimePart part, int number, ReadOnlySpan<byte> body, int firstLink)
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

    // The links stay in the coordinates of the content.
    private Untouched? RunContent(in MimePart part, int number, ReadOnlySpan<byte> content, out int links)
    {
        var firstLink = _plan.Report.Count;
        Untouched? reason = null;
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

    // Each part's remaining changes move up behind those of the parts before it.
    private void AcceptAll(int headerSplices, bool someAreCovered)
    {
        var splices = _plan.Splices.Span;
        var kept = headerSplices;
        foreach (ref readonly var read in _read.Span)
        {
            var edits = splices.Slice(read.First, read.Count);
            edits = someAreCovered ? WithoutUntracked(edits) : edits;
            var part = _parts[read.Part];
            if (read.Base64Part >= 0)
            {
                kept += AcceptBase64(part, read.Base64Part, edits, splices[kept..]);
                continue;
            }

            if (part.Encoding == TransferEncoding.Lines && edits.Length > 0)
            {
                FitLines.Run(
                    _plan.Message[part.BodyStart..part.BodyEnd], edits, _plan.Limits.MaxLineBytes, _plan.Report);
            }

            kept += Accept(part, edits, splices[kept..]);
        }

        _plan.Splices.Truncate(kept);
    }

    private Span<Splice> WithoutUntracked(Span<Splice> edits)
    {
        var count = 0;
        foreach (ref readonly var edit in edits)
        {
            if (edit.Kind != SpliceKind.Link || _plan.Report.Row(edit.Index).IsTracked)
            {
                edits[count++] = edit;
            }
        }

        return edits[..count];
    }

    private int Accept(in MimePart part, ReadOnlySpan<Splice> edits, Span<Splice> accepted)
    {
        var usesLf = LineBreak.IsLf(_plan.Message, part.BodyStart, part.BodyEnd);
        var count = 0;
        foreach (ref readonly var edit in edits)
        {
            if (edit.Kind == SpliceKind.Link && !_plan.Report.Row(edit.Index).IsTracked)
            {
                continue;
            }

            _plan.Pixels += edit.Kind == SpliceKind.Pixel ? 1 : 0;
            ref var splice = ref accepted[count++];
            splice = edit;
            splice.Start += part.BodyStart;
            splice.End += part.BodyStart;
            splice.ValueStart += part.BodyStart;
            splice.UsesLf = usesLf;
            splice.IsQuotedPrintable = part.Encoding == TransferEncoding.QuotedPrintable;
        }

        return count;
    }

    private int AcceptBase64(in MimePart part, int index, ReadOnlySpan<Splice> edits, Span<Splice> accepted)
    {
        if (edits.Length == 0)
        {
            return 0;
        }

        var added = 0;
        foreach (ref readonly var edit in edits)
        {
            _plan.Pixels += edit.Kind == SpliceKind.Pixel ? 1 : 0;
            added += edit.Length;
        }

        var kept = edits[0].Start / 3 * 3;
        var layout = Base64Body.Measure(_plan.Message[part.BodyStart..part.BodyEnd], kept);
        _plan.Base64Parts[index] = _plan.Base64Parts[index] with
        {
            Layout = layout,
            KeptContent = kept,
            Splices = edits.ToArray(),
        };
        accepted[0] = new Splice
        {
            Kind = SpliceKind.Base64,
            Index = index,
            Start = part.BodyStart + layout.KeptRaw,
            End = part.BodyStart + layout.TailStart,
            Length = added / 3 * 4,
            UsesLf = LineBreak.IsLf(_plan.Message, part.BodyStart, part.BodyEnd),
        };
        return 1;
    }

    /// <summary>A part's changes in the plan's splices, until they are accepted.</summary>
    /// <param name="Part">The index of the part.</param>
    /// <param name="First">The index of the first change.</param>
    /// <param name="Count">The number of changes.</param>
    /// <param name="Base64Part">The index of the base64 body that the coordinates refer to; -1 for coordinates of the
    /// message.</param>
    private readonly record struct PartEdits(int Part, int First, int Count, int Base64Part);
}

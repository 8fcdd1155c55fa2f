using System.Buffers;
using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// Reads an HTML part from link to link, and only compares the segments that were read before. Some parts cannot be
/// read in segments: a part with a base, with markup that never ends, or with a place of <see cref="TreeConstruction"/>
/// that spans several links and becomes ambiguous. <see cref="FindChanges"/> reads these parts as a whole. Both ways
/// give the same result.
/// </summary>
internal sealed class ReadSegments(RewritePlan plan, LinkDecider decider, MarkupMemory memory) : IDisposable
{
    private readonly PartFindings _found = new();
    private readonly QuotedPrintable _quotedPrintable = new();
    private readonly ByteBuffer _content = new();
    private SegmentKind _kind;
    private Landmarks _landmarks;
    private bool _hasPixel;
    private int _part;
    private int _position;

    /// <summary>Finds the changes of a part.</summary>
    /// <param name="part">The part.</param>
    /// <param name="number">The part's number.</param>
    /// <param name="body">The part's bytes.</param>
    /// <param name="isQuotedPrintable">True for quoted-printable bytes; false for bytes that are the content
    /// itself.</param>
    /// <param name="edits">Receives the changes. Like the report's links they are in the coordinates of the
    /// body.</param>
    /// <returns>Whether the part could be read so; otherwise the call has changed nothing.</returns>
    public bool TryRun(
        in MimePart part, int number, ReadOnlySpan<byte> body, bool isQuotedPrintable, PooledList<Splice> edits)
    {
        // Without a charset the whole content decides whether the part is UTF-8.
        if (part.Kind != PartKind.Html || part.Charset is not { NeedsDecoding: false, IsDeclared: true } charset)
        {
            return false;
        }

        var (links, buffered) = (plan.Report.Count, plan.Report.Buffer.Length);
        _kind = new SegmentKind(charset, isQuotedPrintable, plan.Request.TracksImages, plan.Limits.MaxLinkNameBytes);
        _landmarks = Landmarks.None;
        _hasPixel = false;
        (_part, _position) = (number, 0);
        edits.Truncate();
        if (!Read(body, edits))
        {
            plan.Report.Truncate(links);
            plan.Report.Buffer.Truncate(buffered);
            edits.Truncate();
            return false;
        }

        if (plan.Request.AddsPixel && part.BodyStart < part.BodyEnd && !_hasPixel
            && !_landmarks.HasFrames)
        {
            edits.Add(OpenPixel.Splice(plan.Request, _landmarks));
        }

        Splice.Sort(edits.Span);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _found.Dispose();
        _quotedPrintable.Dispose();
        _content.Dispose();
    }

    private bool Read(ReadOnlySpan<byte> body, PooledList<Splice> edits)
    {
        Segment? previous = null;
        for (var start = 0; ;)
        {
            var rest = body[start..];
            var hash = 0UL;
            var length = memory.After(previous, rest, out var segment);
            if (length < 0)
            {
                length = Find(rest, previous, out segment, out hash);
            }

            if ((segment is null || !Recall(segment, rest[..length], start, edits))
                && !ReadAfresh(body, start, ref length, edits, hash, out segment))
            {
                return false;
            }

            previous = segment;
            start += length;
            if (length == rest.Length)
            {
                return true;
            }
        }
    }

    // Returns the remembered segment. For a segment that is not remembered, returns its hash, under which it is
    // remembered after reading.
    private int Find(ReadOnlySpan<byte> rest, Segment? previous, out Segment? segment, out ulong hash)
    {
        segment = null;
        hash = 0;
        var length = BehindLink(rest, 0);
        if (length > MarkupMemory.MaxSegmentBytes)
        {
            return length;
        }

        var markup = rest[..length];
        var gap = Segment.FindGap(markup, _kind.IsQuotedPrintable);
        hash = MarkupMemory.Hash(_kind, markup, gap, length == rest.Length);
        if (memory.Find(hash, _kind, rest, previous, out segment) is >= 0 and var known)
        {
            hash = 0;
            return known;
        }

        hash = memory.IsWorthIt(hash) ? hash : 0;
        return length;
    }

    // The place behind a link's end tag. In nearly all mail no element of interest is open there; reading confirms it.
    private static int BehindLink(ReadOnlySpan<byte> rest, int from)
    {
        var end = rest[from..].IndexOf("</a>"u8);
        return end < 0 ? rest.Length : from + end + 4;
    }

    // Returns false when the bytes in the gap may mean more than a URL.
    private bool Recall(Segment segment, ReadOnlySpan<byte> markup, int start, PooledList<Splice> edits)
    {
        var moved = markup.Length - segment.Markup.Length;
        var raw = markup.Slice(segment.Gap.Start, segment.Gap.Length + moved);
        var isKnown = raw.SequenceEqual(segment.Gap.In(segment.Markup));
        ReadOnlySpan<byte> url = default;
        if (!isKnown && !ReadGap(raw, out url))
        {
            return false;
        }

        decider.DecideRemembered(segment, start, isKnown ? null : url, moved, _part, ref _position, edits);
        foreach (var removal in segment.Removals)
        {
            edits.Add(Splice.Removal(
                start + segment.Moved(removal.Start, moved), start + segment.Moved(removal.End, moved)));
        }

        foreach (var source in segment.PossiblePixels)
        {
            _hasPixel |= decider.IsPixel(source.In(segment.Texts));
        }

        _landmarks.Add(segment.Landmarks.MovedBehind(segment.Gap.End, moved), start);
        return true;
    }

    private bool ReadGap(ReadOnlySpan<byte> raw, out ReadOnlySpan<byte> url)
    {
        url = raw;
        if (raw.Length < 4 || raw[0] is <= 0x20 or (byte)'=' || raw[^1] <= 0x20)
        {
            return false;
        }

        if (_kind.IsQuotedPrintable && raw[^3..].Contains((byte)'='))
        {
            return false;
        }

        if (ReadPlainUrl(raw, out url))
        {
            return !LinkDecider.HasNoTrack(url);
        }

        url = _kind.IsQuotedPrintable ? Decode(raw) : raw;

        // A quote would end the value. ">" may end a comment around the link.
        if (url.IndexOfAny("\"<>"u8) >= 0)
        {
            return false;
        }

        _found.Buffer.Truncate();
        var decoded = AttributeValue.Decode(url, _kind.Charset.EncodingOf(url), _found.Buffer);
        url = LinkDecider.TrimBlank(decoded.IsGiven ? decoded.In(_found.Buffer.Span) : url);
        return !url.IsEmpty && !LinkDecider.HasNoTrack(url);
    }

    private bool ReadPlainUrl(ReadOnlySpan<byte> raw, out ReadOnlySpan<byte> url)
    {
        _content.Truncate();
        var length = PlainUrl.Decode(raw, _kind.IsQuotedPrintable, _content.GetSpan(raw.Length));
        _content.Advance(Math.Max(0, length));
        url = _content.Span;
        return length >= 0;
    }

    private bool ReadAfresh(
        ReadOnlySpan<byte> body,
        int start,
        ref int length,
        PooledList<Splice> edits,
        ulong hash,
        out Segment? segment)
    {
        segment = null;
        var rest = body[start..];
        while (true)
        {
            var raw = rest[..length];
            var content = _kind.IsQuotedPrintable ? Decode(raw) : raw;
            _found.Clear();
            var problem = FindHtmlLinks.Find(content, _kind.Charset, _kind.Images, _kind.TextLimit, _found);
            var endsPart = length == rest.Length;
            if (_found.BaseHref.Start >= 0 || _found.EndsAsPlaintext
                || (problem is not null && (endsPart || problem != Untouched.UnterminatedMarkup)))
            {
                return false;
            }

            if (problem is null && (endsPart || !_found.EndsInside))
            {
                segment = Take(raw, content, start, endsPart, edits, hash);
                return true;
            }

            // The place was not a possible cut. The length doubles each time, so that all attempts together stay
            // linear.
            length = BehindLink(rest, Math.Min(2 * length, rest.Length));
            hash = 0;
        }
    }

    private ReadOnlySpan<byte> Decode(ReadOnlySpan<byte> raw)
    {
        _content.Truncate();
        _content.Advance(_quotedPrintable.Decode(raw, _content.GetSpan(raw.Length)));
        return _content.Span;
    }

    private Segment? Take(
        ReadOnlySpan<byte> raw,
        ReadOnlySpan<byte> content,
        int start,
        bool endsPart,
        PooledList<Splice> edits,
        ulong hash)
    {
        var (firstLink, firstEdit) = (plan.Report.Count, edits.Count);
        foreach (var (from, to) in _found.Removals)
        {
            edits.Add(Splice.Removal(from, to));
        }

        decider.DecideFound(content, _kind.Charset, null, _part, ref _position, _found, edits);
        _hasPixel |= decider.HasPixel(content, _found);
        var landmarks = _found.Landmarks;
        landmarks.TextEnd = endsPart ? landmarks.TextEnd : -1;
        ToBody(raw, start, firstLink, edits.Span[firstEdit..], ref landmarks);
        _landmarks.Add(landmarks, start);
        return hash != 0
            ? Remember(raw, content, start, endsPart, firstLink, edits.Span[firstEdit..], landmarks, hash)
            : null;
    }

    private void ToBody(
        ReadOnlySpan<byte> raw, int start, int firstLink, Span<Splice> edits, ref Landmarks landmarks)
    {
        var links = _found.Links.Span;
        for (var i = 0; i < links.Length; i++)
        {
            var range = Raw(raw, links[i].Start, links[i].End);
            plan.Report.SetEncoded(firstLink + i, start + range.Start, start + range.End);
        }

        _quotedPrintable.Rewind();
        Splice.Sort(edits);
        foreach (ref var edit in edits)
        {
            var range = Raw(raw, edit.Start, edit.End);
            edit.Start = edit.ValueStart = start + range.Start;
            edit.End = start + range.End;
            edit.BreakAt = edit.BreakAt < 0 || _kind.IsQuotedPrintable ? -1 : start + edit.BreakAt;
        }

        landmarks.HeadEnd = Raw(raw, landmarks.HeadEnd);
        landmarks.BodyStart = Raw(raw, landmarks.BodyStart);
        landmarks.BodyEnd = Raw(raw, landmarks.BodyEnd);
        landmarks.HtmlEnd = Raw(raw, landmarks.HtmlEnd);
        landmarks.Frameset = Raw(raw, landmarks.Frameset);
        landmarks.TextEnd = Raw(raw, landmarks.TextEnd);
    }

    private int Raw(ReadOnlySpan<byte> raw, int place)
    {
        _quotedPrintable.Rewind();
        return place < 0 ? -1 : Raw(raw, place, place).Start;
    }

    private ByteRange Raw(ReadOnlySpan<byte> raw, int start, int end) => _kind.IsQuotedPrintable
        ? _quotedPrintable.RawRange(raw, start, end)
        : new ByteRange(start, end - start);

    private Segment? Remember(
        ReadOnlySpan<byte> raw,
        ReadOnlySpan<byte> content,
        int start,
        bool endsPart,
        int firstLink,
        ReadOnlySpan<Splice> edits,
        Landmarks landmarks,
        ulong hash)
    {
        var gap = Segment.FindGap(raw, _kind.IsQuotedPrintable);
        var gapLink = -1;
        var texts = new ArrayBufferWriter<byte>(256);
        var links = new SegmentLink[_found.Links.Count];
        for (var i = 0; i < links.Length; i++)
        {
            links[i] = RememberLink(_found.Links[i], plan.Report.Row(firstLink + i), start, texts);
            gapLink = links[i].Start == gap.Start && links[i].End == gap.End ? i : gapLink;
        }

        var removals = new List<ByteRange>();
        foreach (ref readonly var edit in edits)
        {
            if (edit.Kind == SpliceKind.Removal)
            {
                var removal = new ByteRange(edit.Start - start, edit.End - edit.Start);
                removals.Add(removal);
                gapLink = removal.Start < gap.End && removal.End > gap.Start ? -1 : gapLink;
            }
        }

        if (gap.Length > 0 && gapLink < 0)
        {
            // The guessed URL is not the link's URL, or contains a marker.
            return null;
        }

        var pixels = new ByteRange[_found.PossiblePixels.Count];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (from, to) = _found.PossiblePixels[i];
            pixels[i] = Keep(content[from..to], texts);
        }

        var segment = new Segment
        {
            Kind = _kind,
            Markup = raw.ToArray(),
            Gap = gap,
            GapLink = gapLink,
            EndsPart = endsPart,
            Links = links,
            Removals = [.. removals],
            PossiblePixels = pixels,
            Texts = texts.WrittenSpan.ToArray(),
            Landmarks = landmarks,
        };
        memory.Add(hash, segment);
        return segment;
    }

    private SegmentLink RememberLink(
        in FoundLink found, in LinkRow row, int start, ArrayBufferWriter<byte> texts)
    {
        var url = plan.Report.Text(row, row.Url).Span;
        var link = new SegmentLink
        {
            Start = row.Encoded.Start - start,
            End = row.Encoded.End - start,
            BreakAt = _kind.IsQuotedPrintable ? -1 : found.BreakAt,
            Flags = found.Flags,
            Url = Keep(url, texts),
            Name = Keep(plan.Report.Text(row, row.Name).Span, texts),
            Text = Keep(found.Text.In(_found.Buffer.Span), texts),
        };
        if (row.Decision == LinkDecision.OptOut)
        {
            // A marker in the URL is listed in the removals, like a marker in an attribute.
            link.Flags |= FoundFlags.OptOut;
        }

        link.Outcome = DestinationPolicy.Read(url, QueryEncoding(), out var destination);
        link.Destination = destination.Url == url ? link.Url : Keep(destination.Url, texts);
        link.Host = Keep(destination.Host, texts);
        link.Path = Keep(destination.Path, texts);
        link.PathStart = destination.PathStart;
        link.IsHttps = destination.IsHttps;
        link.Traits = link.Outcome != DestinationOutcome.Accepted ? UrlTraits.Unread
            : UrlTraits.Read
                | (NestedLink.MayBeTracked(destination) ? UrlTraits.MayHoldLink : 0)
                | (ComparableUrl.IsComparable(destination) ? UrlTraits.Comparable : 0);
        return link;
    }

    private Encoding? QueryEncoding() => _kind.Charset.EncodingOf(default);

    private static ByteRange Keep(ReadOnlySpan<byte> bytes, ArrayBufferWriter<byte> texts)
    {
        var range = new ByteRange(texts.WrittenCount, bytes.Length);
        texts.Write(bytes);
        return range;
    }
}

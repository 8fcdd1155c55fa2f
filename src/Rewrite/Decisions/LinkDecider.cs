using System.Text;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Decisions;

/// <summary>Decides about each link that was found.</summary>
internal sealed class LinkDecider(RewriteRequest request, RewriteLimits limits, LinkReport report) : IDisposable
{
    // The number of URLs of List-Unsubscribe that are compared. Lists give one or two (RFC 8058: one). Each URL may be
    // read in up to three ways, and each is compared with every link.
    private const int MostUnsubscribeUrls = 100;

    private static ReadOnlySpan<byte> NoTrack => "+notrack"u8;

    private readonly List<UnsubscribeUrl> _unsubscribeUrls = [];
    private readonly ByteBuffer _resolved = new();

    // A URL without its marker, or in the form that URLs are compared in.
    private readonly ByteBuffer _form = new();

    // Neighbouring links mostly lead to the same host: the result for the last host is kept.
    private readonly ByteBuffer _host = new();
    private bool _isTrackingHost;
    private bool _isExcluded;
    private bool _hasExcludedPaths;
    private bool _mayUnsubscribe;

    private int _unsubscribeUrlsRead;

    // Each link that was tracked before takes an ordinal. Otherwise rewriting the message again would wrap links for
    // which no ordinal was left the first time.
    private int _trackedBefore;

    /// <summary>Whether further URLs of <c>List-Unsubscribe</c> are accepted.</summary>
    public bool TakesUnsubscribeUrls => _unsubscribeUrlsRead < MostUnsubscribeUrls;

    /// <summary>Adds a URL of <c>List-Unsubscribe</c>; letters outside ASCII are UTF-8 (RFC 6532).</summary>
    public void AddUnsubscribeUrl(ReadOnlySpan<byte> url)
    {
        if (_unsubscribeUrlsRead++ < MostUnsubscribeUrls
            && DestinationPolicy.Read(url, null, out var destination) == DestinationOutcome.Accepted)
        {
            _form.Truncate();
            ComparableUrl.Write(destination, _form);
            _unsubscribeUrls.Add(new UnsubscribeUrl(
                destination.Host.ToArray(), _form.Span.ToArray(), ComparableUrl.TailOf(_form.Span)));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _form.Dispose();
        _host.Dispose();
        _resolved.Dispose();
    }

    /// <summary>Decides about a part's links.</summary>
    /// <param name="content">The part's decoded content.</param>
    /// <param name="charset">The part's charset.</param>
    /// <param name="encoded">The content's original charset, if the content had to be decoded.</param>
    /// <param name="number">The part's number.</param>
    /// <param name="position">The number of links of the part so far.</param>
    /// <param name="found">The links that were found in the part.</param>
    /// <param name="edits">Receives the changes.</param>
    public void DecideFound(
        ReadOnlySpan<byte> content,
        MailCharset charset,
        MailCharset? encoded,
        int number,
        ref int position,
        PartFindings found,
        PooledList<Splice> edits)
    {
        var baseUrl = ReadBase(content, charset, found);
        foreach (ref readonly var link in found.Links.Span)
        {
            position++;
            var url = !link.Url.IsGiven
                ? content[link.Start..link.End]
                : link.Url.In(found.Buffer.Span);
            url = TrimBlank(url);

            // A browser sends the letters of a query in the document's charset. Plain text has no such rule.
            var encoding = !link.Has(FoundFlags.Html) ? null
                : encoded is null ? charset.EncodingOf(content[link.Start..link.End])
                : encoded.QueryEncoding;
            var decision = JudgeFound(link, content, url, encoding, baseUrl, found, edits, out var destination);
            if (IsMark(decision, link.Flags))
            {
                Mark(decision, url, encoding, baseUrl);
            }

            var name = link.Name.Length > 0 ? link.Name : link.Text;
            ref var row = ref report.Add(decision);
            row.Part = number;
            row.Position = position;
            row.Kind = link.Has(FoundFlags.Image) ? LinkKind.Image : LinkKind.Click;
            row.IsSystem = IsSystem(decision, link.Flags, destination);
            row.Url = report.Keep(url);
            row.Name = name.Length > 0 ? report.Keep(name.In(found.Buffer.Span)) : default;
            if (row.IsTracked)
            {
                row.Destination = destination.Url == url ? row.Url : report.Keep(destination.Url);
                edits.Add(Change(link.Start, link.End, link.BreakAt, link.Flags, destination));
            }
        }
    }

    // This is not the loop of DecideFound, because a remembered link is read from other memory and was judged in part
    // when the segment was read. One loop over both would test for each link which of the two it has.

    /// <summary>Decides about the links of a segment that was read before.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="start">The segment's place in the part.</param>
    /// <param name="gapUrl">The decoded URL in the segment's gap, if the URL differs from the remembered one.</param>
    /// <param name="moved">The number of bytes by which the gap is longer than the remembered one.</param>
    /// <param name="number">The part's number.</param>
    /// <param name="position">The number of links of the part so far.</param>
    /// <param name="edits">Receives the changes.</param>
    public void DecideRemembered(
        Segment segment,
        int start,
        ReadOnlySpan<byte> gapUrl,
        int moved,
        int number,
        ref int position,
        PooledList<Splice> edits)
    {
        for (var i = 0; i < segment.Links.Length; i++)
        {
            ref readonly var link = ref segment.Links[i];
            var isOther = i == segment.GapLink && !gapUrl.IsEmpty;
            var url = isOther ? gapUrl : link.Url.In(segment.Texts);
            var outcome = link.Outcome;
            var remembered = link.ReadDestination(segment.Texts);
            var destination = remembered;
            if (isOther && !(link.IsPlain && DestinationPolicy.TryReadLike(url, remembered, out destination)))
            {
                outcome = DestinationPolicy.Read(url, segment.Kind.Charset.EncodingOf(default), out destination);
            }

            var decision = (link.Flags & FoundFlags.OptOut) != 0 ? LinkDecision.OptOut
                : IsOff(link.Flags) ? LinkDecision.TrackingOff
                : Judge(
                    outcome,
                    link.Flags,
                    url,
                    destination,
                    isOther ? UrlTraits.Unread : link.Traits,
                    link.Text.In(segment.Texts));
            if (IsMark(decision, link.Flags))
            {
                Mark(decision, url, segment.Kind.Charset.EncodingOf(default), default);
            }

            var from = start + segment.Moved(link.Start, moved);
            var to = start + segment.Moved(link.End, moved);
            position++;
            ref var row = ref report.Add(decision);
            row.Texts = isOther ? null : segment.Texts;
            row.Part = number;
            row.Position = position;
            row.Kind = (link.Flags & FoundFlags.Image) != 0 ? LinkKind.Image : LinkKind.Click;
            row.IsSystem = IsSystem(decision, link.Flags, destination);
            row.Url = isOther ? report.Keep(url) : link.Url;
            row.Name = isOther ? report.Keep(link.Name.In(segment.Texts)) : link.Name;
            row.Encoded = new ByteRange(from, to - from);
            if (row.IsTracked)
            {
                row.Destination = !isOther ? link.Destination
                    : destination.Url == url ? row.Url
                    : report.Keep(destination.Url);
                var breakAt = link.BreakAt < 0 ? -1 : start + segment.Moved(link.BreakAt, moved);
                edits.Add(Change(from, to, breakAt, link.Flags, destination));
            }
        }
    }

    /// <summary>Whether an image's source is the URL of one of our pixels.</summary>
    public bool IsPixel(ReadOnlySpan<byte> source) =>
        request.Keys is { } keys
            && LinkToken.Read(TrimBlank(source), keys, out var token) == TokenOutcome.Valid
            && token.Kind == LinkKind.Open;

    /// <summary>Whether the part already contains one of our pixels.</summary>
    public bool HasPixel(ReadOnlySpan<byte> content, PartFindings found)
    {
        foreach (var (start, end) in found.PossiblePixels)
        {
            if (IsPixel(content[start..end]))
            {
                return true;
            }
        }

        return false;
    }

    private LinkDecision JudgeFound(
        in FoundLink link,
        ReadOnlySpan<byte> content,
        ReadOnlySpan<byte> url,
        Encoding? encoding,
        BaseUrl baseUrl,
        PartFindings found,
        PooledList<Splice> edits,
        out DestinationUrl destination)
    {
        destination = default;
        // A link may have both kinds of marker. Both are removed.
        var isOptOut = link.Has(FoundFlags.OptOut);
        if (link.Has(FoundFlags.Html) && HasNoTrack(url))
        {
            var (start, end) = AttributeValue.FindNoTrack(content[link.Start..link.End]);
            if (start >= 0)
            {
                edits.Add(new Splice { Start = link.Start + start, End = link.Start + end, BreakAt = -1 });
                isOptOut = true;
            }
        }

        if (isOptOut)
        {
            return LinkDecision.OptOut;
        }

        if (IsOff(link.Flags))
        {
            return LinkDecision.TrackingOff;
        }

        // The end of the URL is a guess, so a click could lead to a wrong address. The reader's own program decides
        // instead.
        if (link.Has(FoundFlags.Unclear))
        {
            return LinkDecision.Unclear;
        }

        var outcome = ReadDestination(url, encoding, baseUrl, out destination);
        return Judge(
            outcome, link.Flags, url, destination, UrlTraits.Unread, link.Text.In(found.Buffer.Span));
    }

    private static bool IsMark(LinkDecision decision, FoundFlags flags) =>
        (flags & FoundFlags.Image) == 0
        && ((flags & FoundFlags.Unsubscribe) != 0 || decision == LinkDecision.OptOut);

    // Marks are kept even if links of this part are not tracked: links of another part may be.
    private void Mark(LinkDecision decision, ReadOnlySpan<byte> url, Encoding? encoding, BaseUrl baseUrl)
    {
        var isOptOut = decision == LinkDecision.OptOut;
        if (HasNoTrack(url))
        {
            var plus = url.IndexOf((byte)'+');
            _form.Truncate();
            _form.Append(url[..plus]);
            _form.Append(url[(plus + NoTrack.Length)..]);
            url = _form.Span;
        }

        if (ReadDestination(url, encoding, baseUrl, out var destination) == DestinationOutcome.Accepted)
        {
            report.Marks.Add(new MarkedLink(report.Count, isOptOut, report.Keep(destination.Url)));
        }

        // Another part may have the same URL in another charset.
        if (encoding is not null && !Ascii.IsValid(url)
            && ReadDestination(url, null, baseUrl, out destination) == DestinationOutcome.Accepted)
        {
            report.Marks.Add(new MarkedLink(report.Count, isOptOut, report.Keep(destination.Url)));
        }
    }

    private DestinationOutcome ReadDestination(
        ReadOnlySpan<byte> url, Encoding? encoding, BaseUrl baseUrl, out DestinationUrl destination)
    {
        var outcome = DestinationPolicy.Read(url, encoding, out destination);
        return outcome == DestinationOutcome.Relative && baseUrl.IsGiven && !url.StartsWith("#"u8)
            && baseUrl.Resolve(url, _resolved)
                ? DestinationPolicy.Read(_resolved.Span, encoding, out destination)
                : outcome;
    }

    private bool IsSystem(LinkDecision decision, FoundFlags flags, in DestinationUrl destination) =>
        decision == LinkDecision.Tracked
        && ((flags & FoundFlags.System) != 0
            || (request.SystemLinks != HostSet.Empty
                && (request.SystemLinks.Contains(destination.Host)
                    || (request.SystemLinks.HasPathsOf(destination.Host)
                        && request.SystemLinks.ContainsPath(destination)))));

    private bool IsOff(FoundFlags flags) =>
        (flags & FoundFlags.Image) != 0 ? !request.TracksImages
        : (flags & FoundFlags.Html) != 0 ? !request.TracksHtml
        : !request.TracksText;

    // These rules hold for every link. The first rule that applies is the reason.
    private LinkDecision Judge(
        DestinationOutcome outcome,
        FoundFlags flags,
        ReadOnlySpan<byte> url,
        in DestinationUrl destination,
        UrlTraits traits,
        ReadOnlySpan<byte> text)
    {
        if (outcome != DestinationOutcome.Accepted)
        {
            return outcome switch
            {
                DestinationOutcome.Empty => LinkDecision.Empty,
                DestinationOutcome.NotHttp => LinkDecision.NotHttp,
                DestinationOutcome.Relative => url.StartsWith("#"u8) ? LinkDecision.Empty : LinkDecision.Relative,
                DestinationOutcome.TooLong => LinkDecision.TooLong,
                _ => LinkDecision.NotAUrl,
            };
        }

        if (!destination.Host.SequenceEqual(_host.Span))
        {
            _host.Truncate();
            _host.Append(destination.Host);
            _isTrackingHost = request.TrackingHosts.Contains(destination.Host)
                || request.LinkedTrackingHosts.Contains(destination.Host)
                || ComparableUrl.IsSameHost(destination.Host, request.Origin!.HostAscii);
            _isExcluded = request.ExcludedDomains.Contains(destination.Host);
            _hasExcludedPaths = request.ExcludedDomains.HasPathsOf(destination.Host);
            _mayUnsubscribe = MayUnsubscribe(destination.Host);
        }

        if (_isTrackingHost)
        {
            _trackedBefore++;
            return LinkDecision.TrackingHost;
        }

        // An image is recognised as a pixel by its full URL. Such an image stays plain: after wrapping, the next
        // rewriting would not recognise the pixel.
        var marked = (flags & FoundFlags.Image) != 0 ? destination.Url : destination.Path;
        if (request.Keys is { } keys && marked.Length > LinkToken.Length
            && LinkToken.Read(marked, keys, out _) == TokenOutcome.Valid)
        {
            _trackedBefore++;
            return LinkDecision.AlreadyTracked;
        }

        // One click would count for two messages.
        if (Has(traits, UrlTraits.MayHoldLink, destination)
            && request.Keys is { } signing
            && NestedLink.IsTracked(destination, request.Origin!.HostAscii, signing))
        {
            return LinkDecision.AlreadyTracked;
        }

        if (_isExcluded || (_hasExcludedPaths && request.ExcludedDomains.ContainsPath(destination)))
        {
            return LinkDecision.Excluded;
        }

        if ((flags & FoundFlags.Unsubscribe) != 0 || (_mayUnsubscribe && Unsubscribes(destination, traits)))
        {
            return LinkDecision.Unsubscribe;
        }

        if (destination.IsHttps && !request.Origin!.IsHttps && !request.HttpsLinksMayUseHttp)
        {
            return LinkDecision.HttpOnly;
        }

        if (request.KeepUrlText != KeepUrlText.Off && (flags & FoundFlags.Html) != 0
            && VisibleUrl.Host(text) is { IsEmpty: false } host
            && (request.KeepUrlText == KeepUrlText.Always
                || !VisibleUrl.IsSameOrganisation(host, request.Origin!.Host)))
        {
            return LinkDecision.UrlText;
        }

        return report.Tracked + _trackedBefore >= limits.MaxTrackedLinks
            ? LinkDecision.TooManyLinks
            : LinkDecision.Tracked;
    }

    private bool MayUnsubscribe(ReadOnlySpan<byte> host)
    {
        foreach (var unsubscribe in _unsubscribeUrls)
        {
            if (ComparableUrl.IsSameHost(host, unsubscribe.Host))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Has(UrlTraits traits, UrlTraits trait, in DestinationUrl destination) =>
        traits != UrlTraits.Unread ? traits.HasFlag(trait)
        : trait == UrlTraits.Comparable ? ComparableUrl.IsComparable(destination)
        : NestedLink.MayBeTracked(destination);

    private bool Unsubscribes(in DestinationUrl destination, UrlTraits traits)
    {
        var isComparable = traits.HasFlag(UrlTraits.Comparable);
        if (!isComparable && ComparableUrl.TryReadTail(destination, out var tail) && !MayEndIn(tail))
        {
            return false;
        }

        var url = destination.Url;

        // A comparable URL can differ from its canonical form only in the case of scheme and host.
        var path = destination.PathStart;
        if (!isComparable && !Has(traits, UrlTraits.Comparable, destination))
        {
            _form.Truncate();
            ComparableUrl.Write(destination, _form);
            url = _form.Span;
            path = 0;
        }

        foreach (var unsubscribe in _unsubscribeUrls)
        {
            var form = unsubscribe.Form;
            if (url.Length == form.Length
                && url[path..].SequenceEqual(form.AsSpan(path))
                && Ascii.EqualsIgnoreCase(url[..path], form.AsSpan(0, path)))
            {
                return true;
            }
        }

        return false;
    }

    private bool MayEndIn(ulong tail)
    {
        foreach (var unsubscribe in _unsubscribeUrls)
        {
            if (unsubscribe.Tail == tail)
            {
                return true;
            }
        }

        return false;
    }

    // Returns the change that wraps the link that was added last.
    private Splice Change(int start, int end, int breakAt, FoundFlags flags, in DestinationUrl destination)
    {
        var isHtml = (flags & FoundFlags.Html) != 0;
        return new Splice
        {
            Kind = SpliceKind.Link,
            Start = start,
            End = end,
            ValueStart = start,
            Index = report.Count - 1,
            BreakAt = breakAt,
            IsHtml = isHtml,
            Length = TrackedUrl.Length(
                request, limits, destination, isHtml, (flags & FoundFlags.Image) != 0),
        };
    }

    private static BaseUrl ReadBase(ReadOnlySpan<byte> content, MailCharset charset, PartFindings found)
    {
        var (start, end) = found.BaseHref;
        if (start < 0)
        {
            return default;
        }

        var value = content[start..end];
        var encoding = charset.EncodingOf(value);
        var decoded = AttributeValue.Decode(value, encoding, found.Buffer);
        return BaseUrl.Read(
            decoded.IsGiven ? decoded.In(found.Buffer.Span) : value, encoding);
    }

    internal static bool HasNoTrack(ReadOnlySpan<byte> url) =>
        url.Length > 12
        && (url[4] == '+' || url[5] == '+')
        && Ascii.EqualsIgnoreCase(url[..4], "http"u8)
        && Ascii.EqualsIgnoreCase(url.Slice(url[4] == '+' ? 4 : 5, NoTrack.Length), NoTrack);

    internal static ReadOnlySpan<byte> TrimBlank(ReadOnlySpan<byte> url)
    {
        while (!url.IsEmpty && url[0] <= 0x20)
        {
            url = url[1..];
        }

        while (!url.IsEmpty && url[^1] <= 0x20)
        {
            url = url[..^1];
        }

        return url;
    }

    private readonly record struct UnsubscribeUrl(byte[] Host, byte[] Form, ulong Tail);
}

using System.Text;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>Decides about each link that was found, and keeps the report.</summary>
internal sealed class LinkDecider(RewritePlan plan) : IDisposable
{
    // URLs of List-Unsubscribe that count. Lists give one or two (RFC 8058 one); each is held against every link.
    private const int MostUnsubscribeUrls = 50;

    private readonly PooledList<Row> _rows = new();
    private readonly List<byte[]> _unsubscribeUrls = [];
    private readonly ByteBuffer _resolved = new();

    // Neighbouring links mostly lead to the same host: what was found out about it last.
    private readonly ByteBuffer _host = new();
    private bool _isTrackingHost;
    private bool _isExcluded;

    // Links of the message that were tracked before have an ordinal each: without them, rewriting again would wrap what
    // had none left.
    private int _trackedBefore;

    /// <summary>Links that are wrapped.</summary>
    public int TrackedLinks { get; private set; }

    /// <summary>Adds a URL of <c>List-Unsubscribe</c>; letters outside ASCII are UTF-8 (RFC 6532).</summary>
    public void AddUnsubscribeUrl(ReadOnlySpan<byte> url)
    {
        if (_unsubscribeUrls.Count < MostUnsubscribeUrls
            && DestinationPolicy.Read(url, null, out var destination) == DestinationOutcome.Accepted)
        {
            _unsubscribeUrls.Add(destination.Url.ToArray());
        }
    }

    /// <summary>Whether a link is wrapped.</summary>
    public bool IsTracked(int index) => ReferenceEquals(_rows[index].Decision, LinkDecision.Tracked);

    /// <summary>Leaves a link plain after all.</summary>
    public void Untrack(int index, string reason)
    {
        _rows[index].Decision = reason;
        TrackedLinks--;
    }

    /// <summary>The index of the next link.</summary>
    public int NextIndex => _rows.Count;

    /// <summary>Leaves all links from one on plain after all.</summary>
    public void UntrackFrom(int index, string reason)
    {
        for (; index < _rows.Count; index++)
        {
            if (IsTracked(index))
            {
                Untrack(index, reason);
            }
        }
    }

    /// <summary>Keeps where the bytes of a link stand in the message.</summary>
    public void SetEncoded(int index, int start, int end) =>
        _rows[index].Encoded = (start, end - start);

    /// <summary>Keeps the bytes that a link had in decoded content.</summary>
    public void SetEncoded(int index, ReadOnlySpan<byte> decoded)
    {
        ref var row = ref _rows[index];
        var url = plan.Buffer.Span.Slice(row.Url.Start, row.Url.Length);
        row.Encoded = url.SequenceEqual(decoded) ? row.Url : Keep(decoded);
        row.IsEncodedInBuffer = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rows.Dispose();
        _host.Dispose();
        _resolved.Dispose();
    }

    /// <summary>The report: every link, with ordinals for those that are wrapped.</summary>
    public PlannedLink[] Links()
    {
        var links = new PlannedLink[_rows.Count];
        var buffer = plan.Buffer.Memory;
        var ordinal = 0;
        for (var i = 0; i < links.Length; i++)
        {
            ref readonly var row = ref _rows[i];
            links[i] = new PlannedLink
            {
                Part = row.Part,
                Position = row.Position,
                Ordinal = IsTracked(i) ? ordinal++ : -1,
                Decision = row.Decision,
                Kind = row.Kind,
                Url = Slice(buffer, row.Url),
                Encoded = Slice(row.IsEncodedInBuffer ? buffer : plan.MessageMemory, row.Encoded),
                Destination = IsTracked(i) ? Slice(buffer, row.Destination) : default,
                Name = Slice(buffer, row.Name),
            };
        }

        return links;
    }

    /// <summary>Decides about a part's links.</summary>
    /// <param name="content">The part's decoded content.</param>
    /// <param name="charset">Its charset.</param>
    /// <param name="encoded">The charset it was decoded from, if that was necessary.</param>
    /// <param name="number">Its number.</param>
    /// <param name="found">What was found in it.</param>
    /// <param name="edits">Receives what is to be changed.</param>
    public void Decide(
        ReadOnlySpan<byte> content,
        MailCharset charset,
        MailCharset? encoded,
        int number,
        PartFindings found,
        PooledList<Splice> edits)
    {
        var baseUrl = ReadBase(content, charset, found);
        var position = 0;
        foreach (ref readonly var link in found.Links.Span)
        {
            position++;
            var url = link.Url.Start < 0
                ? content[link.Start..link.End]
                : found.Buffer.Span.Slice(link.Url.Start, link.Url.Length);
            url = TrimBlank(url);

            // A document's charset is also how the letters of a query are sent; plain text is no such document.
            var encoding = !link.Has(FoundFlags.Html) ? null
                : encoded is null ? charset.EncodingOf(content[link.Start..link.End])
                : encoded.QueryEncoding;
            var decision = Decide(link, content, url, encoding, baseUrl, found, edits, out var destination);
            var name = link.Name.Length > 0 ? link.Name : link.Text;
            var isTracked = ReferenceEquals(decision, LinkDecision.Tracked);
            var row = new Row
            {
                Part = number,
                Position = position,
                Decision = decision,
                Kind = link.Has(FoundFlags.Image) ? LinkKind.Image : LinkKind.Click,
                Url = Keep(url),
                Name = name.Length > 0 ? Keep(found.Buffer.Span.Slice(name.Start, name.Length)) : default,
            };
            if (isTracked)
            {
                row.Destination = destination.Url == url ? row.Url : Keep(destination.Url);
                TrackedLinks++;
                edits.Add(new Splice
                {
                    Kind = SpliceKind.Link,
                    Start = link.Start,
                    End = link.End,
                    ValueStart = link.Start,
                    Index = _rows.Count,
                    BreakAt = link.BreakAt,
                    IsHtml = link.Has(FoundFlags.Html),
                    Length = TrackedUrl.Length(
                        plan.Request, plan.Limits, destination, link.Has(FoundFlags.Html), link.Has(FoundFlags.Image)),
                });
            }

            _rows.Add(row);
        }
    }

    /// <summary>Whether an image of the part is a pixel of ours already.</summary>
    public bool HasPixel(ReadOnlySpan<byte> content, PartFindings found)
    {
        if (plan.Request.Keys is not { } keys)
        {
            return false;
        }

        foreach (var (start, end) in found.PossiblePixels)
        {
            if (LinkToken.Read(TrimBlank(content[start..end]), keys, out var token) == TokenOutcome.Valid
                && token.Kind == LinkKind.Open)
            {
                return true;
            }
        }

        return false;
    }

    private string Decide(
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
        // Both kinds of marker may stand on one link, and both go.
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

        var request = plan.Request;
        var isHtml = link.Has(FoundFlags.Html);
        if (link.Has(FoundFlags.Image) ? !request.TracksImages : isHtml ? !request.TracksHtml : !request.TracksText)
        {
            return LinkDecision.TrackingOff;
        }

        var outcome = DestinationPolicy.Read(url, encoding, out destination);
        if (outcome == DestinationOutcome.Relative && baseUrl.IsGiven && !url.StartsWith("#"u8)
            && baseUrl.Resolve(url, _resolved))
        {
            outcome = DestinationPolicy.Read(_resolved.Span, encoding, out destination);
        }

        return outcome switch
        {
            DestinationOutcome.Accepted => Decide(link, destination, found),
            DestinationOutcome.Empty => LinkDecision.Empty,
            DestinationOutcome.NotHttp => LinkDecision.NotHttp,
            DestinationOutcome.Relative => url.StartsWith("#"u8) ? LinkDecision.Empty : LinkDecision.Relative,
            DestinationOutcome.TooLong => LinkDecision.TooLong,
            _ => LinkDecision.NotAUrl,
        };
    }

    private string Decide(in FoundLink link, in DestinationUrl destination, PartFindings found)
    {
        var request = plan.Request;
        if (!destination.Host.SequenceEqual(_host.Span))
        {
            _host.Truncate();
            _host.Append(destination.Host);
            _isTrackingHost = request.TrackingHosts.Contains(destination.Host)
                || Ascii.EqualsIgnoreCase(destination.Host, request.Origin!.Host.Value);
            _isExcluded = request.ExcludedDomains.Contains(destination.Host);
        }

        if (_isTrackingHost)
        {
            _trackedBefore++;
            return LinkDecision.TrackingHost;
        }

        if (request.Keys is { } keys && destination.Path.Length > LinkToken.Length
            && LinkToken.Read(destination.Path, keys, out _) == TokenOutcome.Valid)
        {
            _trackedBefore++;
            return LinkDecision.AlreadyTracked;
        }

        if (_isExcluded)
        {
            return LinkDecision.Excluded;
        }

        if (link.Has(FoundFlags.Unsubscribe))
        {
            return LinkDecision.Unsubscribe;
        }

        foreach (var unsubscribe in _unsubscribeUrls)
        {
            if (IsSameUrl(destination.Url, unsubscribe))
            {
                return LinkDecision.Unsubscribe;
            }
        }

        if (destination.IsHttps && !request.Origin!.IsHttps && !request.HttpsLinksMayUseHttp)
        {
            return LinkDecision.HttpOnly;
        }

        if (request.KeepUrlText != KeepUrlText.Off && link.Has(FoundFlags.Html)
            && UrlText.Host(found.Buffer.Span.Slice(link.Text.Start, link.Text.Length)) is { IsEmpty: false } host
            && (request.KeepUrlText == KeepUrlText.Always || !UrlText.IsSameOrganisation(host, request.Origin!.Host)))
        {
            return LinkDecision.UrlText;
        }

        return TrackedLinks + _trackedBefore >= plan.Limits.MaxTrackedLinks
            ? LinkDecision.TooManyLinks
            : LinkDecision.Tracked;
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
            decoded.Start < 0 ? value : found.Buffer.Span.Slice(decoded.Start, decoded.Length), encoding);
    }

    // Scheme and host in any case (RFC 3986 6.2.2.1), all else as it stands.
    private static bool IsSameUrl(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        if (one.Length != other.Length)
        {
            return false;
        }

        var authority = one.IndexOf("//"u8) + 2;
        var path = one[authority..].IndexOfAny("/\\?#"u8);
        path = path < 0 ? one.Length : authority + path;
        return one[path..].SequenceEqual(other[path..]) && Ascii.EqualsIgnoreCase(one[..path], other[..path]);
    }

    private static bool HasNoTrack(ReadOnlySpan<byte> url) =>
        url.Length > 12
        && (url[4] == '+' || url[5] == '+')
        && Ascii.EqualsIgnoreCase(url[..4], "http"u8)
        && Ascii.EqualsIgnoreCase(url.Slice(url[4] == '+' ? 4 : 5, 8), "+notrack"u8);

    private static ReadOnlySpan<byte> TrimBlank(ReadOnlySpan<byte> url)
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

    private (int Start, int Length) Keep(ReadOnlySpan<byte> bytes) => (plan.Buffer.Append(bytes), bytes.Length);

    private static ReadOnlyMemory<byte> Slice(ReadOnlyMemory<byte> buffer, (int Start, int Length) range) =>
        buffer.Slice(range.Start, range.Length);

    private record struct Row
    {
        public int Part;
        public int Position;
        public string Decision;
        public LinkKind Kind;
        public (int Start, int Length) Url;
        public (int Start, int Length) Destination;
        public (int Start, int Length) Name;
        public (int Start, int Length) Encoded;
        public bool IsEncodedInBuffer;
    }
}

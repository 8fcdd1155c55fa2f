using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tracking.Links;

/// <summary>The result of checking a URL as a destination.</summary>
public enum DestinationOutcome : byte
{
    /// <summary>The URL is a destination: <see cref="DestinationUrl.Url"/> is safe in a <c>Location</c>
    /// header.</summary>
    Accepted,

    /// <summary>An empty URL, or only white space.</summary>
    Empty,

    /// <summary>Another scheme than http and https.</summary>
    NotHttp,

    /// <summary>A URL without a scheme, or with a scheme but without two slashes: it depends on its document.</summary>
    Relative,

    /// <summary>A host or port that no URL parser accepts, or a host name that browsers do not agree on.</summary>
    NotAUrl,

    /// <summary>Longer than <see cref="DestinationPolicy.MaxLength"/>.</summary>
    TooLong,
}

/// <summary>A valid destination and its parts. The bytes are copied only if the URL had to be normalised.</summary>
public readonly ref struct DestinationUrl
{
    /// <summary>The absolute URL: bytes 0x21 to 0x7E only.</summary>
    public ReadOnlySpan<byte> Url { get; init; }

    /// <summary>The host as a URL parser reads it: A-labels or an address, in any case, without userinfo and
    /// port.</summary>
    public ReadOnlySpan<byte> Host { get; init; }

    /// <summary>The path with its first slash (which may be a backslash), without query and fragment; may be
    /// empty.</summary>
    public ReadOnlySpan<byte> Path { get; init; }

    /// <summary>The place in the URL where the path begins, or where a path would begin.</summary>
    public int PathStart { get; init; }

    /// <summary>Whether the scheme is https.</summary>
    public bool IsHttps { get; init; }
}

/// <summary>
/// Decides which URLs are valid destinations, and makes them safe for a header. The rule: a redirected browser must
/// arrive at the place where the original URL leads. A URL of printable ASCII stays unchanged. From another URL, TAB,
/// CR and LF are removed, the host becomes A-labels, and characters that a header cannot contain are percent-encoded,
/// as in the WHATWG URL standard.
/// </summary>
public static class DestinationPolicy
{
    /// <summary>The most octets of a URL, before and after normalising. 8 KiB is the usual limit of servers for a
    /// request line, and of proxies for a header line.</summary>
    public const int MaxLength = 8192;

    /// <summary>The characters that end the authority.</summary>
    internal static readonly SearchValues<byte> AuthorityEnd = SearchValues.Create("/\\?#"u8);

    private static readonly SearchValues<byte> _plainNames = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-."u8);

    private static readonly SearchValues<byte> _pathEnd = SearchValues.Create("?#"u8);

    // WHATWG forbidden domain code points, without those that printable ASCII cannot contain.
    private static readonly SearchValues<byte> _forbiddenInHost = SearchValues.Create("#/:<>?@[\\]^|%"u8);

    private static readonly SearchValues<char> _inIpv6 = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>Reads a URL in the form that a browser reads: character references decoded, as UTF-8.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="queryEncoding">The document's encoding, in which the letters of a query are percent-encoded;
    /// <see langword="null"/> is UTF-8.</param>
    /// <param name="destination">The destination, when accepted.</param>
    public static DestinationOutcome Read(
        ReadOnlySpan<byte> url, Encoding? queryEncoding, out DestinationUrl destination)
    {
        destination = default;
        if (url.Length > MaxLength)
        {
            return DestinationOutcome.TooLong;
        }

        if (url.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e))
        {
            return NormalizeUrl.Read(url, queryEncoding, out destination);
        }

        return ReadPrintable(url, out destination);
    }

    /// <summary>Whether a value is safe in a <c>Location</c> header: absolute http or https with a host, printable
    /// ASCII only. The rewriter has decided this, and the edge checks it again.</summary>
    public static bool IsSafeLocation(ReadOnlySpan<byte> location) =>
        location.Length <= MaxLength
        && !location.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e)
        && ReadPrintable(location, out _) == DestinationOutcome.Accepted;

    /// <summary>Does the same as <see cref="IsSafeLocation(ReadOnlySpan{byte})"/>, for text.</summary>
    public static bool IsSafeLocation(ReadOnlySpan<char> location)
    {
        if (location.Length > MaxLength || location.ContainsAnyExceptInRange('\x21', '\x7e'))
        {
            return false;
        }

        var bytes = ArrayPool<byte>.Shared.Rent(location.Length);
        var length = Encoding.ASCII.GetBytes(location, bytes);
        var safe = IsSafeLocation(bytes.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(bytes);
        return safe;
    }

    /// <summary>Reads a URL of printable ASCII, which stays unchanged.</summary>
    internal static DestinationOutcome ReadPrintable(ReadOnlySpan<byte> url, out DestinationUrl destination) =>
        ReadPrintable(url, default, out destination);

    /// <summary>Does the same for a URL whose host has been read, unless the host is empty.</summary>
    internal static DestinationOutcome ReadPrintable(
        ReadOnlySpan<byte> url, ReadOnlySpan<byte> knownHost, out DestinationUrl destination)
    {
        destination = default;
        var outcome = ReadScheme(url, out var isHttps, out var authorityStart);
        if (outcome != DestinationOutcome.Accepted)
        {
            return outcome;
        }

        Split(url, authorityStart, out var authority, out var host, out var pathStart, out var pathEnd);
        if (!IsPort(url[(host.End.Value)..authority.End.Value]))
        {
            return DestinationOutcome.NotAUrl;
        }

        var hostBytes = knownHost.IsEmpty ? url[host] : knownHost;
        if (knownHost.IsEmpty && !IsPlainName(hostBytes) && !TryReadHost(hostBytes, out hostBytes))
        {
            return DestinationOutcome.NotAUrl;
        }

        destination = new DestinationUrl
        {
            Url = url,
            Host = hostBytes,
            Path = url[pathStart..pathEnd],
            PathStart = pathStart,
            IsHttps = isHttps,
        };
        return DestinationOutcome.Accepted;
    }

    /// <summary>Reads a URL whose bytes up to the end of its authority equal those of another URL. The authority need
    /// not be read again.</summary>
    /// <param name="url">The same as for <see cref="Read"/>.</param>
    /// <param name="other">A destination that was accepted unchanged.</param>
    /// <param name="destination">The same as for <see cref="Read"/>.</param>
    /// <returns>Whether the bytes are equal; otherwise the URL must be read with <see cref="Read"/>.</returns>
    public static bool TryReadLike(
        ReadOnlySpan<byte> url, DestinationUrl other, out DestinationUrl destination)
    {
        destination = default;
        if (url.Length > MaxLength
            || url.Length <= other.PathStart
            || !AuthorityEnd.Contains(url[other.PathStart])
            || !url.StartsWith(other.Url[..other.PathStart])
            || url.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e))
        {
            return false;
        }

        var path = url[other.PathStart..];
        var end = path.IndexOfAny(_pathEnd);
        destination = new DestinationUrl
        {
            Url = url,
            Host = other.Host,
            Path = end < 0 ? path : path[..end],
            PathStart = other.PathStart,
            IsHttps = other.IsHttps,
        };
        return true;
    }

    /// <summary>Reads <c>http:</c> or <c>https:</c> and at least two slashes of either kind.</summary>
    internal static DestinationOutcome ReadScheme(ReadOnlySpan<byte> url, out bool isHttps, out int authorityStart)
    {
        isHttps = false;
        authorityStart = 0;
        if (url.IsEmpty)
        {
            return DestinationOutcome.Empty;
        }

        if (url.Length < 5 || !Ascii.EqualsIgnoreCase(url[..4], "http"u8))
        {
            return HasScheme(url) ? DestinationOutcome.NotHttp : DestinationOutcome.Relative;
        }

        isHttps = (url[4] | 0x20) == 's';
        var colon = isHttps ? 5 : 4;
        if (url.Length <= colon || url[colon] != ':')
        {
            return HasScheme(url) ? DestinationOutcome.NotHttp : DestinationOutcome.Relative;
        }

        authorityStart = colon + 1;
        while (authorityStart < url.Length && url[authorityStart] is (byte)'/' or (byte)'\\')
        {
            authorityStart++;
        }

        return authorityStart - colon - 1 >= 2 ? DestinationOutcome.Accepted : DestinationOutcome.Relative;
    }

    /// <summary>Finds authority, host (without userinfo and port) and path.</summary>
    internal static void Split(
        ReadOnlySpan<byte> url,
        int authorityStart,
        out Range authority,
        out Range host,
        out int pathStart,
        out int pathEnd)
    {
        var end = url[authorityStart..].IndexOfAny(AuthorityEnd);
        pathStart = end < 0 ? url.Length : authorityStart + end;
        end = url[pathStart..].IndexOfAny(_pathEnd);
        pathEnd = end < 0 ? url.Length : pathStart + end;

        authority = authorityStart..pathStart;
        var hostStart = authorityStart + url[authority].LastIndexOf((byte)'@') + 1;
        var hostEnd = pathStart;
        var afterBracket = url[hostStart..pathStart].LastIndexOf((byte)']') + 1;
        var colon = url[(hostStart + afterBracket)..pathStart].IndexOf((byte)':');
        if (colon >= 0)
        {
            hostEnd = hostStart + afterBracket + colon;
        }

        host = hostStart..hostEnd;
    }

    /// <summary>Whether the text is empty, or a colon with at most a port number.</summary>
    internal static bool IsPort(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            return true;
        }

        var port = 0;
        foreach (var c in text[1..])
        {
            if (!char.IsAsciiDigit((char)c) || (port = (port * 10) + c - '0') > ushort.MaxValue)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The host parser of the WHATWG URL standard, for hosts that are not plain names: an address, a name
    /// outside ASCII or percent-encoded, A-labels.</summary>
    internal static bool TryReadHost(ReadOnlySpan<byte> raw, out ReadOnlySpan<byte> host)
    {
        host = default;
        if (raw.IsEmpty)
        {
            return false;
        }

        if (raw[0] == '[')
        {
            return TryReadIpv6(raw, out host);
        }

        var name = InternationalName.PercentDecode(raw);
        if (name is not null && (!Ascii.IsValid(name) || InternationalName.HasALabel(name)))
        {
            name = InternationalName.ToAscii(name);
        }

        if (string.IsNullOrEmpty(name) || name == "." || name.AsSpan().ContainsAnyExceptInRange('\x21', '\x7e'))
        {
            return false;
        }

        if (Ipv4Host.EndsInNumber(name) && (name = Ipv4Host.Parse(name)) is null)
        {
            return false;
        }

        var bytes = Encoding.ASCII.GetBytes(name);
        host = bytes;
        return !host.ContainsAny(_forbiddenInHost);
    }

    private static bool TryReadIpv6(ReadOnlySpan<byte> raw, out ReadOnlySpan<byte> host)
    {
        host = default;
        if (raw[^1] != ']')
        {
            return false;
        }

        var text = Encoding.ASCII.GetString(raw[1..^1]);
        if (text.AsSpan().ContainsAnyExcept(_inIpv6)
            || !IPAddress.TryParse(text, out var address)
            || address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return false;
        }

        host = Encoding.ASCII.GetBytes($"[{address}]");
        return true;
    }

    // Letters, digits, hyphens and dots that cannot be an address, because the last character is not a digit (nor 0x…),
    // and that contain no A-label, which has two hyphens in a row.
    private static bool IsPlainName(ReadOnlySpan<byte> host)
    {
        if (host.IsEmpty || !char.IsAsciiLetter((char)host[^1]) || host.ContainsAnyExcept(_plainNames))
        {
            return false;
        }

        var last = host[(host.LastIndexOf((byte)'.') + 1)..];
        return !char.IsAsciiDigit((char)last[0]) && (!host.Contains((byte)'-') || host.IndexOf("--"u8) < 0);
    }

    private static bool HasScheme(ReadOnlySpan<byte> url)
    {
        if (!char.IsAsciiLetter((char)url[0]))
        {
            return false;
        }

        foreach (var c in url)
        {
            if (c == ':')
            {
                return true;
            }

            if (!char.IsAsciiLetterOrDigit((char)c) && c is not ((byte)'+' or (byte)'-' or (byte)'.'))
            {
                return false;
            }
        }

        return false;
    }
}

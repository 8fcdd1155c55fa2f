using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Tracking.Links;

/// <summary>
/// The form in which two URLs are compared: the form in which a browser writes a parsed URL (WHATWG URL standard), so
/// that two spellings of a URL are equal. Further equivalences are those of RFC 3986 6.2.2 (escapes in upper case, no
/// escapes of letters that need none), a final dot of the host, and an empty fragment. The form is only for comparing:
/// a link's destination stays as its sender wrote it.
/// </summary>
public static class ComparableUrl
{
    // The printable ASCII characters of the WHATWG percent-encode sets.
    private static readonly SearchValues<byte> _inPath = SearchValues.Create("\"#<>?^`{}"u8);
    private static readonly SearchValues<byte> _inQuery = SearchValues.Create("\"#<>'"u8);
    private static readonly SearchValues<byte> _inFragment = SearchValues.Create("\"<>`"u8);
    private static readonly SearchValues<byte> _inUserInfo = SearchValues.Create("\"#<>?^`{}/:;=@[\\]|"u8);

    // Characters behind the host that may have another spelling, or a special meaning.
    private static readonly SearchValues<byte> _written = SearchValues.Create("%\\\"#<>^`{}'."u8);

    // Characters that have only one spelling outside of an escape, and make no dot segment.
    private static readonly SearchValues<byte> _writtenAsIs = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~/?=&"u8);

    private static readonly SearchValues<byte> _unreserved = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"u8);

    /// <summary>Whether a URL is already in its comparable form, except for the case of scheme and host. Nearly all
    /// URLs are.</summary>
    public static bool IsComparable(in DestinationUrl destination)
    {
        var url = destination.Url;
        var hostStart = destination.IsHttps ? 8 : 7;
        return destination.PathStart == hostStart + destination.Host.Length
            && url.Slice(hostStart - 2, 2).SequenceEqual("//"u8)
            && url[hostStart..destination.PathStart].SequenceEqual(destination.Host)
            && !destination.Host.EndsWith("."u8)
            && url.Length > destination.PathStart
            && url[destination.PathStart] == '/'
            && IsWritten(url[destination.PathStart..]);
    }

    /// <summary>One of 64 bits, the same for all spellings of a URL. It is cheap to compute, so most different URLs
    /// need not be written for a comparison. All bits are set if only <see cref="Write(in DestinationUrl,
    /// IBufferWriter{byte})"/> can decide.</summary>
    /// <param name="url">The URL of a destination.</param>
    public static ulong Trait(ReadOnlySpan<byte> url)
    {
        DestinationPolicy.ReadScheme(url, out _, out var authorityStart);
        url = url[authorityStart..];
        var pathStart = url.IndexOfAny(DestinationPolicy.AuthorityEnd);
        url = pathStart < 0 ? default : url[pathStart..];
        if (!IsWritten(url))
        {
            return ulong.MaxValue;
        }

        // An empty path is written as a slash.
        var length = url.Length + (url.IsEmpty || url[0] != '/' ? 1 : 0);
        var last = url.IsEmpty ? (byte)'/' : url[^1];
        return 1UL << (((length * 7) + last) & 63);
    }

    /// <summary>The last octets of a destination's comparable form. They are cheap to compute, and most different URLs
    /// have different last octets.</summary>
    /// <param name="destination">The destination.</param>
    /// <param name="tail">A number for these octets, as <see cref="TailOf"/> returns it.</param>
    /// <returns>Whether the octets could be computed; otherwise the form must be written.</returns>
    public static bool TryReadTail(in DestinationUrl destination, out ulong tail)
    {
        // Two octets more than a tail has: an escape may begin before it.
        var url = destination.Url;
        var start = url.Length - sizeof(ulong) - PercentEncoding.Length + 1;
        tail = start > destination.PathStart ? TailOf(url) : 0;
        return start > destination.PathStart && !url[start..].ContainsAnyExcept(_writtenAsIs);
    }

    /// <summary>A number for the last octets of a comparable form.</summary>
    /// <param name="form">The form. It always has enough octets: <c>http://</c>, a host, a slash.</param>
    public static ulong TailOf(ReadOnlySpan<byte> form) => MemoryMarshal.Read<ulong>(form[^sizeof(ulong)..]);

    /// <summary>Writes a destination in its comparable form.</summary>
    /// <param name="destination">A destination that <see cref="DestinationPolicy"/> accepted.</param>
    /// <param name="output">Receives the form, which is at most three times as long.</param>
    public static void Write(in DestinationUrl destination, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var url = destination.Url;
        DestinationPolicy.ReadScheme(url, out var isHttps, out var authorityStart);
        DestinationPolicy.Split(
            url, authorityStart, out var authority, out var host, out var pathStart, out var pathEnd);

        output.Write(isHttps ? "https://"u8 : "http://"u8);
        WriteUserInfo(url[authority.Start.Value..host.Start.Value], output);
        WriteHost(destination.Host, output);
        WritePort(url[host.End.Value..authority.End.Value], isHttps, output);
        WritePath(url[pathStart..pathEnd], output);

        var rest = url[pathEnd..];
        var hash = rest.IndexOf((byte)'#');
        var query = hash < 0 ? rest : rest[..hash];
        if (!query.IsEmpty)
        {
            output.Write("?"u8);
            Write(query[1..], _inQuery, output);
        }

        if (hash >= 0 && hash + 1 < rest.Length)
        {
            output.Write("#"u8);
            Write(rest[(hash + 1)..], _inFragment, output);
        }
    }

    /// <summary>Whether two hosts of destinations are equal: in any case, with or without a final dot.</summary>
    public static bool IsSameHost(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other) =>
        Ascii.EqualsIgnoreCase(WithoutDot(one), WithoutDot(other));

    // Whether the text behind the host is already in the comparable form, except for the slash of an empty path.
    // Returns false when the answer would need a closer look.
    private static bool IsWritten(ReadOnlySpan<byte> text)
    {
        var before = (byte)0;
        while (text.IndexOfAny(_written) is >= 0 and var start)
        {
            before = start > 0 ? text[start - 1] : before;
            text = text[start..];
            var isKept = text[0] switch
            {
                (byte)'.' => before != '/',
                (byte)'#' => text.Length > 1,
                (byte)'%' => !PercentEncoding.TryRead(text, out var value)
                    || (!_unreserved.Contains(value) && !text.Slice(1, 2).ContainsAnyInRange((byte)'a', (byte)'f')),
                _ => false,
            };
            if (!isKept)
            {
                return false;
            }

            before = text[0];
            text = text[1..];
        }

        return true;
    }

    private static ReadOnlySpan<byte> WithoutDot(ReadOnlySpan<byte> host) =>
        host.EndsWith("."u8) ? host[..^1] : host;

    // Writes the "@" too. Without a name and a password there is no "@".
    private static void WriteUserInfo(ReadOnlySpan<byte> userInfo, IBufferWriter<byte> output)
    {
        if (userInfo.IsEmpty)
        {
            return;
        }

        userInfo = userInfo[..^1];
        var colon = userInfo.IndexOf((byte)':');
        var password = colon < 0 ? default : userInfo[(colon + 1)..];
        var name = colon < 0 ? userInfo : userInfo[..colon];
        if (name.IsEmpty && password.IsEmpty)
        {
            return;
        }

        Write(name, _inUserInfo, output);
        if (!password.IsEmpty)
        {
            output.Write(":"u8);
            Write(password, _inUserInfo, output);
        }

        output.Write("@"u8);
    }

    private static void WriteHost(ReadOnlySpan<byte> host, IBufferWriter<byte> output)
    {
        host = WithoutDot(host);
        var lower = output.GetSpan(host.Length);
        Ascii.ToLower(host, lower, out var length);
        output.Advance(length);
    }

    // Writes the colon too.
    private static void WritePort(ReadOnlySpan<byte> port, bool isHttps, IBufferWriter<byte> output)
    {
        if (port.Length > 1
            && int.TryParse(port[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number != (isHttps ? 443 : 80))
        {
            output.Write(":"u8);
            var digits = output.GetSpan(5);
            number.TryFormat(digits, out var length, default, CultureInfo.InvariantCulture);
            output.Advance(length);
        }
    }

    // Each segment has its slash. A segment of two dots removes the segment before it.
    private static void WritePath(ReadOnlySpan<byte> path, IBufferWriter<byte> output)
    {
        var written = output.GetSpan((3 * path.Length) + 1);
        var length = 0;
        path = path.IsEmpty ? path : path[1..];
        for (var isLast = false; !isLast;)
        {
            var end = path.IndexOfAny((byte)'/', (byte)'\\');
            isLast = end < 0;
            var start = length;
            written[length++] = (byte)'/';
            length += Copy(isLast ? path : path[..end], _inPath, written[length..]);
            var segment = written[(start + 1)..length];
            var isParent = segment.SequenceEqual(".."u8);
            if (isParent || segment.SequenceEqual("."u8))
            {
                length = isParent ? Math.Max(0, written[..start].LastIndexOf((byte)'/')) : start;
                if (isLast)
                {
                    // A path that ends in dots is a folder's path.
                    written[length++] = (byte)'/';
                }
            }

            path = path[(end + 1)..];
        }

        output.Advance(length);
    }

    private static void Write(ReadOnlySpan<byte> text, SearchValues<byte> encoded, IBufferWriter<byte> output) =>
        output.Advance(Copy(text, encoded, output.GetSpan(3 * text.Length)));

    private static int Copy(ReadOnlySpan<byte> text, SearchValues<byte> encoded, Span<byte> output)
    {
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (PercentEncoding.TryRead(text[i..], out var value))
            {
                i += PercentEncoding.Length - 1;

                // Behind a percent sign without an escape, a decoded character could complete one.
                length += _unreserved.Contains(value) && !output[Math.Max(0, length - 2)..length].Contains((byte)'%')
                    ? Put(value, output[length..])
                    : PercentEncoding.Write(value, output[length..]);
            }
            else
            {
                length += encoded.Contains(text[i])
                    ? PercentEncoding.Write(text[i], output[length..])
                    : Put(text[i], output[length..]);
            }
        }

        return length;
    }

    private static int Put(byte value, Span<byte> output)
    {
        output[0] = value;
        return 1;
    }
}

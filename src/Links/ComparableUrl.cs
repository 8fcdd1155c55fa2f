using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Tracking.Links;

/// <summary>
/// The one form in which two URLs are compared: as a browser writes a URL that it has parsed (WHATWG URL standard), so
/// that two spellings of a URL are one. Beyond that, what RFC 3986 6.2.2 calls equivalent: escapes in upper case,
/// escaped letters that need no escape; and a final dot of the host, an empty fragment. Only for comparing: where a link
/// leads stays as its sender wrote it.
/// </summary>
public static class ComparableUrl
{
    // WHATWG percent-encode sets, as far as they are printable ASCII.
    private static readonly SearchValues<byte> InPath = SearchValues.Create("\"#<>?^`{}"u8);
    private static readonly SearchValues<byte> InQuery = SearchValues.Create("\"#<>'"u8);
    private static readonly SearchValues<byte> InFragment = SearchValues.Create("\"<>`"u8);
    private static readonly SearchValues<byte> InUserInfo = SearchValues.Create("\"#<>?^`{}/:;=@[\\]|"u8);

    // What may be written in another way, or mean something, anywhere behind the host.
    private static readonly SearchValues<byte> Written = SearchValues.Create("%\\\"#<>^`{}'."u8);

    // What is written as it stands wherever it is not part of an escape, and makes no dots of a segment.
    private static readonly SearchValues<byte> WrittenAsIs = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~/?=&"u8);

    private static readonly SearchValues<byte> Unreserved = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"u8);

    /// <summary>Whether a URL stands in its comparable form already, but for the case of scheme and host: as nearly all
    /// do.</summary>
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

    /// <summary>One of 64 bits, the same for all spellings of a URL: told at a glance, so that most URLs that are not
    /// the same need not be written. All bits where only <see cref="Write(in DestinationUrl, IBufferWriter{byte})"/>
    /// can tell.</summary>
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

        // A path that is empty is written as a slash.
        var length = url.Length + (url.IsEmpty || url[0] != '/' ? 1 : 0);
        var last = url.IsEmpty ? (byte)'/' : url[^1];
        return 1UL << (((length * 7) + last) & 63);
    }

    /// <summary>The last octets of a destination's comparable form, told at a glance: most URLs that are not the same
    /// end in another way.</summary>
    /// <param name="destination">The destination.</param>
    /// <param name="tail">A number that stands for them, as of <see cref="TailOf"/>.</param>
    /// <returns>Whether that could be told; otherwise it must be written.</returns>
    public static bool TryReadTail(in DestinationUrl destination, out ulong tail)
    {
        // Two more than there are in a tail: before it there may be the beginning of an escape.
        var url = destination.Url;
        var start = url.Length - sizeof(ulong) - PercentEncoding.Length + 1;
        tail = start > destination.PathStart ? TailOf(url) : 0;
        return start > destination.PathStart && !url[start..].ContainsAnyExcept(WrittenAsIs);
    }

    /// <summary>A number that stands for the last octets of a comparable form.</summary>
    /// <param name="form">The form, which has always so many: <c>http://</c>, a host, a slash.</param>
    public static ulong TailOf(ReadOnlySpan<byte> form) => MemoryMarshal.Read<ulong>(form[^sizeof(ulong)..]);

    /// <summary>Writes a destination in its comparable form.</summary>
    /// <param name="destination">The destination, as <see cref="DestinationPolicy"/> accepted it.</param>
    /// <param name="output">Receives the form, at most three times as long.</param>
    public static void Write(in DestinationUrl destination, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var url = destination.Url;
        DestinationPolicy.ReadScheme(url, out var isHttps, out var authorityStart);
        DestinationPolicy.Split(url, authorityStart, out var authority, out var host, out var pathStart, out var pathEnd);

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
            Write(query[1..], InQuery, output);
        }

        if (hash >= 0 && hash + 1 < rest.Length)
        {
            output.Write("#"u8);
            Write(rest[(hash + 1)..], InFragment, output);
        }
    }

    /// <summary>Whether two hosts of destinations are one: any case, with or without a final dot.</summary>
    public static bool IsSameHost(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other) =>
        Ascii.EqualsIgnoreCase(WithoutDot(one), WithoutDot(other));

    // Whether what is behind the host is written as it stands, but for the slash of an empty path. The answer is no where
    // it would need a closer look.
    private static bool IsWritten(ReadOnlySpan<byte> text)
    {
        var before = (byte)0;
        while (text.IndexOfAny(Written) is >= 0 and var start)
        {
            before = start > 0 ? text[start - 1] : before;
            text = text[start..];
            var isKept = text[0] switch
            {
                (byte)'.' => before != '/',
                (byte)'#' => text.Length > 1,
                (byte)'%' => !PercentEncoding.TryRead(text, out var value)
                    || (!Unreserved.Contains(value) && !text.Slice(1, 2).ContainsAnyInRange((byte)'a', (byte)'f')),
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

    // With its "@". Without a name and a password there is none.
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

        Write(name, InUserInfo, output);
        if (!password.IsEmpty)
        {
            output.Write(":"u8);
            Write(password, InUserInfo, output);
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

    // With its colon.
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

    // Segments with their slash; one that is two dots takes the one before it away.
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
            length += Copy(isLast ? path : path[..end], InPath, written[length..]);
            var segment = written[(start + 1)..length];
            var isParent = segment.SequenceEqual(".."u8);
            if (isParent || segment.SequenceEqual("."u8))
            {
                length = isParent ? Math.Max(0, written[..start].LastIndexOf((byte)'/')) : start;
                if (isLast)
                {
                    // A path that ends in dots is a folder's.
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

                // Behind a percent sign that is none of an escape, what it stands for could make it one.
                length += Unreserved.Contains(value) && !output[Math.Max(0, length - 2)..length].Contains((byte)'%')
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

using System.Buffers;
using System.Globalization;
using System.Text;

namespace Tracking.Links;

/// <summary>
/// The slow path of <see cref="DestinationPolicy"/>: a URL with white space, control characters or letters outside
/// ASCII. Only characters that a header cannot contain are encoded. Every other byte stays, because a browser encodes
/// it itself.
/// </summary>
internal static class NormalizeUrl
{
    private static readonly CompositeFormat _numericReference = CompositeFormat.Parse("%26%23{0}%3B");

    public static DestinationOutcome Read(
        ReadOnlySpan<byte> url, Encoding? queryEncoding, out DestinationUrl destination)
    {
        destination = default;
        while (!url.IsEmpty && url[0] <= 0x20)
        {
            url = url[1..];
        }

        while (!url.IsEmpty && url[^1] <= 0x20)
        {
            url = url[..^1];
        }

        if (url.IsEmpty)
        {
            return DestinationOutcome.Empty;
        }

        if (url.IndexOfAny((byte)'\t', (byte)'\r', (byte)'\n') >= 0)
        {
            var kept = new byte[url.Length];
            var length = 0;
            foreach (var c in url)
            {
                if (c is not ((byte)'\t' or (byte)'\r' or (byte)'\n'))
                {
                    kept[length++] = c;
                }
            }

            url = kept.AsSpan(0, length);
        }

        // Invalid UTF-8 becomes U+FFFD first: a browser reads only decoded text.
        if (!System.Text.Unicode.Utf8.IsValid(url))
        {
            url = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(url));
        }

        if (!url.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e))
        {
            return DestinationPolicy.ReadPrintable(url, out destination);
        }

        var outcome = DestinationPolicy.ReadScheme(url, out _, out var authorityStart);
        return outcome == DestinationOutcome.Accepted
            ? Encode(url, authorityStart, queryEncoding, out destination)
            : outcome;
    }

    private static DestinationOutcome Encode(
        ReadOnlySpan<byte> url, int authorityStart, Encoding? queryEncoding, out DestinationUrl destination)
    {
        destination = default;
        DestinationPolicy.Split(url, authorityStart, out var authority, out var host, out var pathStart, out _);

        var output = new ArrayBufferWriter<byte>(url.Length + 64);
        PercentEncode(url[..host.Start.Value], output);

        ReadOnlySpan<byte> readHost = default;
        if (url[host].ContainsAnyExceptInRange((byte)0x21, (byte)0x7e)
            && !DestinationPolicy.TryReadHost(url[host], out readHost))
        {
            return DestinationOutcome.NotAUrl;
        }

        output.Write(readHost.IsEmpty ? url[host] : readHost);
        output.Write(url[host.End.Value..authority.End.Value]);

        var rest = url[pathStart..];
        var hash = rest.IndexOf((byte)'#');
        var fragmentStart = hash < 0 ? rest.Length : hash;
        var question = rest[..fragmentStart].IndexOf((byte)'?');
        var queryStart = question < 0 ? fragmentStart : question;
        PercentEncode(rest[..queryStart], output);
        EncodeQuery(rest[queryStart..fragmentStart], queryEncoding, output);
        PercentEncode(rest[fragmentStart..], output);

        return output.WrittenCount > DestinationPolicy.MaxLength
            ? DestinationOutcome.TooLong
            : DestinationPolicy.ReadPrintable(output.WrittenSpan, readHost, out destination);
    }

    private static void EncodeQuery(ReadOnlySpan<byte> query, Encoding? encoding, ArrayBufferWriter<byte> output)
    {
        if (encoding is null || Ascii.IsValid(query))
        {
            PercentEncode(query, output);
            return;
        }

        // Like a browser, writes a letter that the document's encoding lacks as a percent-encoded numeric reference.
        var strict = (Encoding)encoding.Clone();
        strict.EncoderFallback = EncoderFallback.ExceptionFallback;
        while (!query.IsEmpty)
        {
            var length = query.IndexOfAnyExceptInRange((byte)0, (byte)0x7f);
            length = length < 0 ? query.Length : length;
            PercentEncode(query[..length], output);
            query = query[length..];

            // In encodings with escape sequences, consecutive letters share one sequence.
            length = query.IndexOfAnyInRange((byte)0, (byte)0x7f);
            length = length < 0 ? query.Length : length;
            EncodeLetters(Encoding.UTF8.GetString(query[..length]), strict, output);
            query = query[length..];
        }
    }

    private static void EncodeLetters(string letters, Encoding strict, ArrayBufferWriter<byte> output)
    {
        try
        {
            PercentEncodeQuery(strict.GetBytes(letters), output);
        }
        catch (EncoderFallbackException)
        {
            foreach (var rune in letters.EnumerateRunes())
            {
                try
                {
                    PercentEncodeQuery(strict.GetBytes(rune.ToString()), output);
                }
                catch (EncoderFallbackException)
                {
                    output.Write(Encoding.ASCII.GetBytes(
                        string.Format(CultureInfo.InvariantCulture, _numericReference, rune.Value)));
                }
            }
        }
    }

    // A letter may have ASCII bytes, some of which a query cannot contain (WHATWG, special-query percent-encode set).
    private static void PercentEncodeQuery(ReadOnlySpan<byte> letters, ArrayBufferWriter<byte> output)
    {
        foreach (var c in letters)
        {
            if (c is >= 0x21 and <= 0x7e and not ((byte)'"' or (byte)'#' or (byte)'<' or (byte)'>' or (byte)'\''))
            {
                output.Write([c]);
            }
            else
            {
                output.Advance(PercentEncoding.Write(c, output.GetSpan(PercentEncoding.Length)));
            }
        }
    }

    private static void PercentEncode(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
    {
        foreach (var c in text)
        {
            if (c is >= 0x21 and <= 0x7e)
            {
                output.Write([c]);
            }
            else
            {
                output.Advance(PercentEncoding.Write(c, output.GetSpan(PercentEncoding.Length)));
            }
        }
    }
}

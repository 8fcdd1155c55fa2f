using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Tracking.Links;

/// <summary>
/// Finds one of our tracked links inside another URL. Recipients' mail filters put such URLs into replies and
/// templates: in a parameter (Safe Links, Google, Barracuda, Cisco), in the path (Proofpoint v3), with signs of their
/// own instead of percent signs and slashes (Proofpoint v2), or in base64 (Sophos). Some filters store the URL on their
/// own servers (Mimecast), where it cannot be found.
/// </summary>
public static class NestedLink
{
    // One filter behind another one, and a further escaping by a browser's address bar.
    private const int MostDecodings = 3;

    private const int ShortestUrl = 10;

    // "http" in base64. A nested URL may begin at any place of a URL.
    private static ReadOnlySpan<byte> Base64Http => "aHR0c"u8;

    private static readonly SearchValues<byte> _token = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8);

    private static readonly SearchValues<byte> _base64Text = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/"u8);

    /// <summary>Whether a URL contains a link with one of our tokens, of any cluster.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="trackingHost">A tracking host that may occur without a scheme.</param>
    /// <param name="keys">The keys that sign tokens.</param>
    public static bool IsTracked(in DestinationUrl url, ReadOnlySpan<byte> trackingHost, SigningKeys keys)
    {
        var text = url.Url[url.PathStart..];
        return (text.IndexOf("ttp"u8) >= 0
                || text.IndexOf("TTP"u8) >= 0
                || text.IndexOf(trackingHost) >= 0
                || text.IndexOf(Base64Http) >= 0
                || text.IndexOf("%25"u8) >= 0
                || text.IndexOf("%68"u8) >= 0
                || text.IndexOf("%48"u8) >= 0)
            && Holds(text, trackingHost, keys, MostDecodings);
    }

    /// <summary>Whether <see cref="IsTracked"/> must examine a URL. Most URLs need no examination: they have no run of
    /// characters as long as a token, and no escapes.</summary>
    public static bool MayBeTracked(in DestinationUrl url)
    {
        var text = url.Url[url.PathStart..];
        return text.Length >= LinkToken.Length + ShortestUrl && (text.Contains((byte)'%') || HasRunOfAToken(text));
    }

    // Such a run covers one of the places at distances of a token's length. In base64 the run is longer, and contains
    // no '+' or '/', which come only from '>', '?' and '~'.
    private static bool HasRunOfAToken(ReadOnlySpan<byte> text)
    {
        for (var place = LinkToken.Length - 1; place < text.Length; place += LinkToken.Length)
        {
            if (_token.Contains(text[place]))
            {
                var before = text[..place].LastIndexOfAnyExcept(_token);
                var behind = text[place..].IndexOfAnyExcept(_token);
                if ((behind < 0 ? text.Length : place + behind) - before > LinkToken.Length)
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static bool Holds(
        ReadOnlySpan<byte> text, ReadOnlySpan<byte> trackingHost, SigningKeys keys, int decodings)
    {
        if (HasToken(text, trackingHost, keys))
        {
            return true;
        }

        if (decodings == 0)
        {
            return false;
        }

        // Decoding base64 needs space for the result beside it.
        var decoded = ArrayPool<byte>.Shared.Rent(2 * text.Length);
        try
        {
            return (PercentDecode(text, decoded) is > 0 and var length
                    && Holds(decoded.AsSpan(0, length), trackingHost, keys, decodings - 1))
                || (Translate(text, decoded) is > 0 and var translated
                    && Holds(decoded.AsSpan(0, translated), trackingHost, keys, decodings - 1))
                || (DecodeBase64(text, decoded) is > 0 and var bytes
                    && Holds(decoded.AsSpan(0, bytes), trackingHost, keys, decodings - 1));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(decoded);
        }
    }

    // A token at the end of a URL: the last 40 characters of a run of token characters. Proofpoint puts "__" behind a
    // URL, and no token ends in that sign.
    private static bool HasToken(ReadOnlySpan<byte> text, ReadOnlySpan<byte> trackingHost, SigningKeys keys)
    {
        var start = UrlStart(text, trackingHost);
        if (start < 0)
        {
            return false;
        }

        text = text[start..];
        while (text.IndexOfAny(_token) is >= 0 and var run)
        {
            text = text[run..];
            var length = text.IndexOfAnyExcept(_token);
            length = length < 0 ? text.Length : length;
            if (length >= LinkToken.Length
                && LinkToken.Read(text[..length].TrimEnd("-_"u8), keys, out _) == TokenOutcome.Valid)
            {
                return true;
            }

            text = text[length..];
        }

        return false;
    }

    private static int UrlStart(ReadOnlySpan<byte> text, ReadOnlySpan<byte> trackingHost)
    {
        for (var from = 0; text[from..].IndexOf((byte)':') is >= 0 and var colon; from += colon + 1)
        {
            var before = text[..(from + colon)];
            if (EndsWith(before, "http"u8) || EndsWith(before, "https"u8))
            {
                return from + colon;
            }
        }

        return text.IndexOf(trackingHost);
    }

    private static bool EndsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> end) =>
        text.Length >= end.Length && Ascii.EqualsIgnoreCase(text[^end.Length..], end);

    // Returns 0 when there is nothing to decode.
    private static int PercentDecode(ReadOnlySpan<byte> text, Span<byte> output)
    {
        var length = PercentEncoding.Decode(text, output);
        return length < text.Length ? length : 0;
    }

    // Proofpoint v2: u=https-3A__host_path, where a hyphen replaces a percent sign and an underscore replaces a slash.
    private static int Translate(ReadOnlySpan<byte> text, Span<byte> output)
    {
        var colon = text.IndexOf("-3A__"u8);
        if (colon < 0 || !(EndsWith(text[..colon], "http"u8) || EndsWith(text[..colon], "https"u8)))
        {
            return 0;
        }

        text = text[Math.Max(0, colon - 5)..];
        var end = text.IndexOf((byte)'&');
        text = end < 0 ? text : text[..end];
        text.CopyTo(output);
        output = output[..text.Length];
        output.Replace((byte)'-', (byte)'%');
        output.Replace((byte)'_', (byte)'/');
        return output.Length;
    }

    private static int DecodeBase64(ReadOnlySpan<byte> text, Span<byte> output)
    {
        var start = text.IndexOf(Base64Http);
        if (start < 0)
        {
            return 0;
        }

        text = text[start..];
        var length = text.IndexOfAnyExcept(_base64Text);
        length = length < 0 ? text.Length : length;

        // Translates base64 to its URL alphabet, behind the space for the decoded text. The first character outside
        // base64 ends the text.
        var run = output.Slice(text.Length, length);
        text[..length].CopyTo(run);
        run.Replace((byte)'+', (byte)'-');
        run.Replace((byte)'/', (byte)'_');
        Base64Url.DecodeFromUtf8(run, output[..text.Length], out _, out var written);
        return written;
    }
}

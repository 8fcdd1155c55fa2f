using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Tracking.Links;

/// <summary>
/// A tracked link of ours inside another URL, as the mail filters of recipients leave it in replies and templates: in a
/// parameter (Safe Links, Google, Barracuda, Cisco), in the path (Proofpoint v3), with signs of its own instead of
/// percent signs and slashes (Proofpoint v2), or in base64 (Sophos). What those filters keep to themselves (Mimecast)
/// nobody can see.
/// </summary>
public static class NestedLink
{
    // One filter behind another one, and what a browser's address bar escaped once more.
    private const int MostDecodings = 3;

    private const int ShortestUrl = 10;

    // "http" in base64, wherever in a URL the URL begins.
    private static ReadOnlySpan<byte> Base64Http => "aHR0c"u8;

    private static readonly SearchValues<byte> Token = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8);

    private static readonly SearchValues<byte> Base64Text = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/"u8);

    /// <summary>Whether following a URL leads on to a link that carries a token of ours, of any cluster.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="trackingHost">A tracking host that may stand in it without a scheme.</param>
    /// <param name="keys">What tokens are signed with.</param>
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

    /// <summary>Whether <see cref="IsTracked"/> has to be asked about a URL: about most it has not, as they have no run
    /// of characters as long as a token, nor is anything in them escaped.</summary>
    public static bool MayBeTracked(in DestinationUrl url)
    {
        var text = url.Url[url.PathStart..];
        return text.Length >= LinkToken.Length + ShortestUrl && (text.Contains((byte)'%') || HasRunOfAToken(text));
    }

    // A run so long covers one of the places that are a token's length apart. In base64 it is longer, and none of its
    // characters is '+' or '/', which are made of '>', '?' and '~' alone.
    private static bool HasRunOfAToken(ReadOnlySpan<byte> text)
    {
        for (var place = LinkToken.Length - 1; place < text.Length; place += LinkToken.Length)
        {
            if (Token.Contains(text[place]))
            {
                var before = text[..place].LastIndexOfAnyExcept(Token);
                var behind = text[place..].IndexOfAnyExcept(Token);
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

        // Base64 needs room for what is decoded beside it.
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

    // A token that a URL before it ends in: the last 40 characters of a run of them. Proofpoint puts "__" behind a URL,
    // and no token ends in that sign.
    private static bool HasToken(ReadOnlySpan<byte> text, ReadOnlySpan<byte> trackingHost, SigningKeys keys)
    {
        var start = UrlStart(text, trackingHost);
        if (start < 0)
        {
            return false;
        }

        text = text[start..];
        while (text.IndexOfAny(Token) is >= 0 and var run)
        {
            text = text[run..];
            var length = text.IndexOfAnyExcept(Token);
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

    // 0 when there is nothing to decode.
    private static int PercentDecode(ReadOnlySpan<byte> text, Span<byte> output)
    {
        var length = PercentEncoding.Decode(text, output);
        return length < text.Length ? length : 0;
    }

    // Proofpoint v2: u=https-3A__host_path, where a hyphen stands for a percent sign and an underscore for a slash.
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
        var length = text.IndexOfAnyExcept(Base64Text);
        length = length < 0 ? text.Length : length;

        // The other alphabet, behind where it is decoded to. What is no base64 any more ends it.
        var run = output.Slice(text.Length, length);
        text[..length].CopyTo(run);
        run.Replace((byte)'+', (byte)'-');
        run.Replace((byte)'/', (byte)'_');
        Base64Url.DecodeFromUtf8(run, output[..text.Length], out _, out var written);
        return written;
    }
}

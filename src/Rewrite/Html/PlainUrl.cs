using System.Buffers;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Html;

/// <summary>
/// A URL in an attribute in the form that nearly all URLs have: printable ASCII, whose only encodings are the escapes
/// and soft breaks of quoted-printable (RFC 2045 6.7) and <c>&amp;amp;</c>. Both are decoded in one pass.
/// </summary>
internal static class PlainUrl
{
    private static readonly SearchValues<byte> _other = SearchValues.Create(
        [.. Enumerable.Range(0, 256).Where(c => c is < 0x21 or > 0x7e or '"' or '<' or '>').Select(c => (byte)c)]);

    /// <summary>Decodes a value.</summary>
    /// <param name="raw">The bytes between the quotes.</param>
    /// <param name="isQuotedPrintable">Whether the bytes are quoted-printable.</param>
    /// <param name="output">Receives the URL; at least as long as <paramref name="raw"/>.</param>
    /// <returns>The URL's length; -1 when the value has another form.</returns>
    public static int Decode(ReadOnlySpan<byte> raw, bool isQuotedPrintable, Span<byte> output)
    {
        var length = 0;
        while (true)
        {
            var run = QuotedPrintable.CopyRun(raw, output[length..], (byte)'&');
            length += run;
            raw = raw[run..];
            if (raw.IsEmpty)
            {
                return output[..length].ContainsAny(_other) ? -1 : length;
            }

            if (raw.StartsWith("&amp;"u8))
            {
                output[length++] = (byte)'&';
                raw = raw[5..];
            }
            else if (raw[0] == '&')
            {
                return -1;
            }
            else if (!isQuotedPrintable)
            {
                output[length++] = (byte)'=';
                raw = raw[1..];
            }
            else
            {
                raw = raw[QuotedPrintable.Unescape(raw, out var value)..];
                if (value == '&')
                {
                    // Together with the following bytes the ampersand may be a reference.
                    return -1;
                }

                if (value >= 0)
                {
                    output[length++] = (byte)value;
                }
            }
        }
    }
}

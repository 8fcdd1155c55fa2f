using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Tracking.EventIngest.Privacy;

/// <summary>A user agent as bytes off the wire, made into text that PostgreSQL takes.</summary>
internal static class StorableUserAgent
{
    private static readonly SearchValues<byte> _controls =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(b => (byte)b), 0x7f]);

    /// <summary>
    /// UTF-8 as it is when it is valid; otherwise each byte is one Latin-1 character, as RFC 9110 (5.5) lets a field
    /// value be read. Control characters, of which NUL could not be stored at all, become U+FFFD.
    /// </summary>
    /// <returns>Valid UTF-8.</returns>
    public static byte[] Encode(ReadOnlySpan<byte> userAgent)
    {
        var isUtf8 = Utf8.IsValid(userAgent);
        if (isUtf8 && !userAgent.ContainsAny(_controls))
        {
            return userAgent.ToArray();
        }

        var text = (isUtf8 ? Encoding.UTF8 : Encoding.Latin1).GetString(userAgent);
        return Encoding.UTF8.GetBytes(string.Create(text.Length, text, static (span, source) =>
        {
            for (var i = 0; i < source.Length; i++)
            {
                span[i] = source[i] is < ' ' or '\x7f' ? '\uFFFD' : source[i];
            }
        }));
    }
}

using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Tracking.EventIngest.Privacy;

/// <summary>Turns a received user agent into text that PostgreSQL accepts.</summary>
internal static class StorableUserAgent
{
    private static readonly SearchValues<byte> _controls =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(b => (byte)b), 0x7f]);

    /// <summary>
    /// Valid UTF-8 stays unchanged. Otherwise each byte becomes one Latin-1 character, as RFC 9110 (5.5) permits for
    /// field values. Control characters become U+FFFD. PostgreSQL cannot store NUL at all.
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

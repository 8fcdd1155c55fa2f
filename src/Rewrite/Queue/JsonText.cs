using System.Buffers;
using System.Globalization;
using System.Text;

namespace Tracking.Rewrite.Queue;

/// <summary>Text in a JSON string (RFC 8259 7), as UTF-8.</summary>
internal static class JsonText
{
    // A backslash, the letter u and four digits.
    private const int CodeUnitEscape = 6;

    private static readonly SearchValues<byte> _escaped = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(control => (byte)control), (byte)'"', (byte)'\\']);

    /// <summary>The length of a text in bytes after its escapes are decoded.</summary>
    /// <param name="text">The text between the quotes. Its escapes are well-formed.</param>
    public static int LengthOf(ReadOnlySpan<byte> text)
    {
        var length = text.Length;
        while (text.IndexOf((byte)'\\') is >= 0 and var next)
        {
            if (text[next + 1] == 'u')
            {
                var unit = ushort.Parse(
                    text.Slice(next + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                length += Utf8Length(unit) - CodeUnitEscape;
                text = text[(next + CodeUnitEscape)..];
            }
            else
            {
                length--;
                text = text[(next + 2)..];
            }
        }

        return length;
    }

    /// <summary>Writes a text as a string. Only quotes, backslashes and control characters are escaped.</summary>
    public static void Write(Stream output, ReadOnlySpan<byte> text)
    {
        output.WriteByte((byte)'"');
        while (text.IndexOfAny(_escaped) is >= 0 and var next)
        {
            output.Write(text[..next]);
            switch (text[next])
            {
                case (byte)'\r':
                    output.Write("\\r"u8);
                    break;
                case (byte)'\n':
                    output.Write("\\n"u8);
                    break;
                case (byte)'\t':
                    output.Write("\\t"u8);
                    break;
                case (byte)'"':
                    output.Write("\\\""u8);
                    break;
                case (byte)'\\':
                    output.Write("\\\\"u8);
                    break;
                case var control:
                    output.Write(Encoding.ASCII.GetBytes(
                        string.Create(CultureInfo.InvariantCulture, $"\\u{control:x4}")));
                    break;
            }

            text = text[(next + 1)..];
        }

        output.Write(text);
        output.WriteByte((byte)'"');
    }

    // Two surrogates make four bytes. Reading refuses half a pair.
    private static int Utf8Length(ushort unit) => unit switch
    {
        < 0x80 => 1,
        < 0x800 => 2,
        _ => char.IsSurrogate((char)unit) ? 2 : 3,
    };
}

using System.Buffers;
using System.Text;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Html;

/// <summary>The value of an attribute as the tokenizer of the HTML standard returns it.</summary>
internal static class AttributeValue
{
    private static readonly SearchValues<byte> _special = SearchValues.Create("&\0"u8);

    /// <summary>Decodes a value to UTF-8.</summary>
    /// <returns>The value's place in the buffer; a start of -1 means that the raw value is the decoded value.</returns>
    public static ByteRange Decode(
        ReadOnlySpan<byte> raw, Encoding? encoding, ByteBuffer output)
    {
        if (raw.IndexOfAny(_special) < 0 && (encoding is null || Ascii.IsValid(raw)))
        {
            return new ByteRange(-1, raw.Length);
        }

        var start = output.Length;
        Span<byte> utf8 = stackalloc byte[8];
        while (!raw.IsEmpty)
        {
            var special = raw.IndexOfAny(_special);
            MailCharset.AppendUtf8(special < 0 ? raw : raw[..special], encoding, output);
            if (special < 0)
            {
                break;
            }

            raw = raw[special..];
            if (raw.StartsWith("&amp;"u8))
            {
                output.Append((byte)'&');
                raw = raw[5..];
                continue;
            }

            if (raw[0] == 0)
            {
                output.Append("\uFFFD"u8);
                raw = raw[1..];
                continue;
            }

            var length = CharacterReferences.Read(raw, inAttribute: true, utf8, out var written);
            output.Append(length == 0 ? raw[..1] : utf8[..written]);
            raw = raw[Math.Max(1, length)..];
        }

        return new ByteRange(start, output.Length - start);
    }

    /// <summary>Finds the scheme's suffix <c>+notrack</c>; its characters may be written as character
    /// references.</summary>
    /// <returns>The suffix's range in the raw value; a start of -1 for no suffix.</returns>
    public static (int Start, int End) FindNoTrack(ReadOnlySpan<byte> raw)
    {
        Span<byte> utf8 = stackalloc byte[8];
        var plus = -1;
        var matched = 0;
        var expected = "+notrack:"u8;
        for (var i = 0; i < raw.Length;)
        {
            var length = raw[i] == '&' ? CharacterReferences.Read(raw[i..], true, utf8, out _) : 0;
            var c = length == 0 ? raw[i] : utf8[0];
            if (c is not ((byte)'\t' or (byte)'\r' or (byte)'\n'))
            {
                if (c == '+')
                {
                    plus = i;
                    matched = 0;
                }

                if (plus >= 0)
                {
                    if ((c | (char.IsAsciiLetter((char)c) ? 0x20 : 0)) != expected[matched])
                    {
                        return (-1, -1);
                    }

                    if (++matched == expected.Length)
                    {
                        return (plus, i);
                    }
                }
                else if (c == ':')
                {
                    return (-1, -1);
                }
            }

            i += Math.Max(1, length);
        }

        return (-1, -1);
    }
}

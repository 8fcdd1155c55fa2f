using System.Buffers;

namespace Tracking.Links;

/// <summary>Writes bytes of a URL as a percent sign and two hexadecimal digits (RFC 3986, 2.1), and reads
/// them.</summary>
internal static class PercentEncoding
{
    /// <summary>The number of octets of an encoded byte.</summary>
    public const int Length = 3;

    /// <summary>Reads the encoded byte at the beginning of a text.</summary>
    /// <returns>Whether the text begins with an encoded byte.</returns>
    public static bool TryRead(ReadOnlySpan<byte> text, out byte value)
    {
        value = 0;
        return text.Length >= Length
            && text[0] == '%'
            && Convert.FromHexString(text.Slice(1, Length - 1), new Span<byte>(ref value), out _, out _)
                == OperationStatus.Done;
    }

    /// <summary>Writes a byte.</summary>
    /// <returns><see cref="Length"/>.</returns>
    public static int Write(byte value, Span<byte> output)
    {
        output[0] = (byte)'%';
        output[1] = "0123456789ABCDEF"u8[value >> 4];
        output[2] = "0123456789ABCDEF"u8[value & 15];
        return Length;
    }

    /// <summary>Decodes a text once. A percent sign before other characters stays.</summary>
    /// <returns>The number of written bytes; the text's length when nothing was encoded.</returns>
    public static int Decode(ReadOnlySpan<byte> text, Span<byte> output)
    {
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (TryRead(text[i..], out var value))
            {
                output[length++] = value;
                i += Length - 1;
            }
            else
            {
                output[length++] = text[i];
            }
        }

        return length;
    }
}

using System.Buffers;

namespace Tracking.Links;

/// <summary>Bytes of a URL as a percent sign and two hexadecimal digits (RFC 3986, 2.1).</summary>
internal static class PercentEncoding
{
    /// <summary>Octets that a byte takes.</summary>
    public const int Length = 3;

    /// <summary>Reads the byte that a text begins with.</summary>
    /// <returns>Whether it begins with one.</returns>
    public static bool TryRead(ReadOnlySpan<byte> text, out byte value)
    {
        value = 0;
        return text.Length >= Length
            && text[0] == '%'
            && Convert.FromHexString(text.Slice(1, Length - 1), new Span<byte>(ref value), out _, out _)
                == OperationStatus.Done;
    }

    /// <summary>Writes a byte.</summary>
    /// <returns>Its <see cref="Length"/>.</returns>
    public static int Write(byte value, Span<byte> output)
    {
        output[0] = (byte)'%';
        output[1] = "0123456789ABCDEF"u8[value >> 4];
        output[2] = "0123456789ABCDEF"u8[value & 15];
        return Length;
    }

    /// <summary>Decodes a text once; a percent sign before anything else stays.</summary>
    /// <returns>What was written: as much as the text when there was nothing to decode.</returns>
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

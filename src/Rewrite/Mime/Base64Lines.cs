using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Tracking.Links;

namespace Tracking.Rewrite.Mime;

/// <summary>
/// Converts whole lines of base64 (RFC 2045 6.8) directly between body and content, on processors with the necessary
/// instructions (AVX-512 VBMI). A line takes two registers, which overlap for a shorter line.
/// </summary>
internal static class Base64Lines
{
    private const int Characters = Base64Vector.Characters;
    private const int Bytes = Base64Vector.Bytes;
    private const byte Invalid = 0x80;

    private static readonly Vector512<byte> _alphabet = Vector512.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"u8);

    // The value of each ASCII character.
    private static readonly Vector512<byte> _valuesBelow64 = Vector512.Create(Values(0));
    private static readonly Vector512<byte> _valuesFrom64 = Vector512.Create(Values(Characters));

    // Three bytes of each four-byte word, in network order.
    private static readonly Vector512<byte> _packed = Vector512.Create(
        [.. Enumerable.Range(0, Characters).Select(i => (byte)(i < Bytes ? (i / 3 * 4) + 2 - (i % 3) : 0))]);

    /// <summary>Whether lines of this many characters can be handled.</summary>
    public static bool CanHandle(int line) =>
        Base64Vector.IsSupported && line % 4 == 0 && line is >= Characters and <= 2 * Characters;

    /// <summary>Decodes lines that end in CRLF, up to the first line that has another length, is the last one, or
    /// contains characters outside base64.</summary>
    /// <param name="raw">The body, from a line's start.</param>
    /// <param name="line">The number of characters per line, accepted by <see cref="CanHandle"/>.</param>
    /// <param name="output">Receives the content. Bytes written beyond its end have no meaning.</param>
    /// <returns>The number of decoded lines.</returns>
    public static int Decode(ReadOnlySpan<byte> raw, int line, Span<byte> output)
    {
        var bytes = line / 4 * 3;
        ref var from = ref MemoryMarshal.GetReference(raw);
        ref var to = ref MemoryMarshal.GetReference(output);
        var lines = 0;
        var most = Math.Min(raw.Length / (line + 2), (output.Length - (Characters - Bytes)) / bytes);
        var (below64, from64, packed) = (_valuesBelow64, _valuesFrom64, _packed);
        for (; lines < most; lines++)
        {
            if (Unsafe.Add(ref from, line) != '\r' || Unsafe.Add(ref from, line + 1) != '\n')
            {
                return lines;
            }

            var first = Vector512.LoadUnsafe(ref from);
            var last = Vector512.LoadUnsafe(ref from, (nuint)(line - Characters));
            var firstValues = Avx512Vbmi.PermuteVar64x8x2(below64, first, from64);
            var lastValues = Avx512Vbmi.PermuteVar64x8x2(below64, last, from64);
            if ((first | last | firstValues | lastValues).ExtractMostSignificantBits() != 0)
            {
                return lines;
            }

            Avx512Vbmi.PermuteVar64x8(Join(firstValues), packed).StoreUnsafe(ref to);
            Avx512Vbmi.PermuteVar64x8(Join(lastValues), packed).StoreUnsafe(ref to, (nuint)(bytes - Bytes));
            from = ref Unsafe.Add(ref from, line + 2);
            to = ref Unsafe.Add(ref to, bytes);
        }

        return lines;
    }

    /// <summary>Encodes whole lines, each with its line break.</summary>
    /// <param name="content">The content. More content must follow the last line.</param>
    /// <param name="line">The number of characters per line, accepted by <see cref="CanHandle"/>.</param>
    /// <param name="lineBreak">CRLF or LF.</param>
    /// <param name="output">Receives the lines.</param>
    /// <returns>The number of encoded lines.</returns>
    public static int Encode(ReadOnlySpan<byte> content, int line, ReadOnlySpan<byte> lineBreak, Span<byte> output)
    {
        var bytes = line / 4 * 3;
        ref var from = ref MemoryMarshal.GetReference(content);
        ref var to = ref MemoryMarshal.GetReference(output);
        var most = Math.Min(
            (content.Length - (Characters - Bytes) - 1) / bytes, output.Length / (line + lineBreak.Length));
        var alphabet = _alphabet;
        for (var lines = 0; lines < most; lines++)
        {
            var first = Vector512.LoadUnsafe(ref from);
            var last = Vector512.LoadUnsafe(ref from, (nuint)(bytes - Bytes));
            Base64Vector.Encode(first, alphabet).StoreUnsafe(ref to);
            Base64Vector.Encode(last, alphabet).StoreUnsafe(ref to, (nuint)(line - Characters));
            Unsafe.Add(ref to, line) = lineBreak[0];
            Unsafe.Add(ref to, line + lineBreak.Length - 1) = lineBreak[^1];
            from = ref Unsafe.Add(ref from, bytes);
            to = ref Unsafe.Add(ref to, line + lineBreak.Length);
        }

        return Math.Max(0, most);
    }

    // Packs four values of six bits into 24 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Join(Vector512<byte> values)
    {
        var pairs = Avx512BW.MultiplyAddAdjacent(values, Vector512.Create(0x01400140).AsSByte());
        return Avx512BW.MultiplyAddAdjacent(pairs, Vector512.Create(0x00011000).AsInt16()).AsByte();
    }

    private static byte[] Values(int from)
    {
        var values = new byte[Characters];
        for (var i = 0; i < values.Length; i++)
        {
            var value = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"u8.IndexOf((byte)(from + i));
            values[i] = value < 0 ? Invalid : (byte)value;
        }

        return values;
    }
}

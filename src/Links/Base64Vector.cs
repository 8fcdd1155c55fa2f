using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tracking.Links;

/// <summary>Encodes 48 bytes to 64 characters of base64 (RFC 4648) in three instructions, on processors that have them
/// (AVX-512 VBMI).</summary>
public static class Base64Vector
{
    /// <summary>The number of bytes encoded at once.</summary>
    public const int Bytes = 48;

    /// <summary>The number of characters of these bytes.</summary>
    public const int Characters = 64;

    // Copies three bytes to four places; each place then takes its six bits.
    private static readonly Vector512<byte> _spread = Vector512.Create(
        [.. Enumerable.Range(0, Characters).Select(i => (byte)((i / 4 * 3) + "\u0001\0\u0002\u0001"u8[i % 4]))]);

    private static readonly Vector512<byte> _shifts = Vector512.Create(0x3036242a1016040aUL).AsByte();

    /// <summary>Whether the processor has the instructions.</summary>
    public static bool IsSupported => Avx512Vbmi.IsSupported && Avx512BW.IsSupported;

    /// <summary>Encodes a block.</summary>
    /// <param name="bytes">The bytes, followed by 16 bytes of any value.</param>
    /// <param name="alphabet">The 64 characters.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Encode(Vector512<byte> bytes, Vector512<byte> alphabet) => Avx512Vbmi.PermuteVar64x8(
        alphabet, Avx512Vbmi.MultiShift(_shifts, Avx512Vbmi.PermuteVar64x8(bytes, _spread).AsUInt64()));
}

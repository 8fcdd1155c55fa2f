using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tracking.Links;

/// <summary>48 bytes to 64 characters of base64 (RFC 4648) in three instructions, on processors that have them (AVX-512
/// VBMI).</summary>
public static class Base64Vector
{
    /// <summary>Bytes that are encoded at once.</summary>
    public const int Bytes = 48;

    /// <summary>Characters that they become.</summary>
    public const int Characters = 64;

    // Three bytes to four places, of which each then takes its six bits.
    private static readonly Vector512<byte> Spread = Vector512.Create(
        [.. Enumerable.Range(0, Characters).Select(i => (byte)((i / 4 * 3) + "\u0001\0\u0002\u0001"u8[i % 4]))]);

    private static readonly Vector512<byte> Shifts = Vector512.Create(0x3036242a1016040aUL).AsByte();

    /// <summary>Whether the processor can.</summary>
    public static bool IsSupported => Avx512Vbmi.IsSupported && Avx512BW.IsSupported;

    /// <summary>Encodes.</summary>
    /// <param name="bytes">The bytes, and 16 that do not matter.</param>
    /// <param name="alphabet">The 64 characters.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Encode(Vector512<byte> bytes, Vector512<byte> alphabet) => Avx512Vbmi.PermuteVar64x8(
        alphabet, Avx512Vbmi.MultiShift(Shifts, Avx512Vbmi.PermuteVar64x8(bytes, Spread).AsUInt64()));
}

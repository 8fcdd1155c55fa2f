using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Tracking.Rewrite.Findings;

/// <summary>A hash of bytes for tables in memory: folded 128-bit products, as in wyhash, sixteen bytes at a time. Its
/// factors are this process's own, so that nobody who sends mail can choose what falls on one place.</summary>
internal static class SeededHash
{
    private const int Pair = 2 * sizeof(ulong);

    private static readonly ulong First = Random();
    private static readonly ulong Second = Random();

    /// <summary>Takes bytes into a hash.</summary>
    /// <param name="hash">That of what stands before them; what they are of, when they are the first.</param>
    /// <param name="bytes">The bytes.</param>
    public static ulong Add(ulong hash, ReadOnlySpan<byte> bytes)
    {
        hash = Mix(hash, (uint)bytes.Length);
        if (bytes.Length < Pair)
        {
            foreach (var value in bytes)
            {
                hash = Mix(hash, value);
            }

            return hash;
        }

        var last = bytes[^Pair..];
        for (; bytes.Length > Pair; bytes = bytes[Pair..])
        {
            hash = MixPair(hash, bytes);
        }

        // The last ones overlap those before them: how many there are is in it already.
        return MixPair(hash, last);
    }

    private static ulong MixPair(ulong hash, ReadOnlySpan<byte> bytes) =>
        Mix(hash ^ MemoryMarshal.Read<ulong>(bytes), MemoryMarshal.Read<ulong>(bytes[sizeof(ulong)..]));

    // The 128 bits of a product, folded.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong a, ulong b)
    {
        var high = Math.BigMul(a ^ First, b ^ Second, out var low);
        return high ^ low;
    }

    private static ulong Random() => MemoryMarshal.Read<ulong>(RandomNumberGenerator.GetBytes(sizeof(ulong)));
}

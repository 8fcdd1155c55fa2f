using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Tracking.Rewrite.Findings;

/// <summary>A hash of bytes for tables in memory: folded 128-bit products, as in wyhash, sixteen bytes at a time. The
/// factors are random in each process, so that a sender of mail cannot choose bytes that collide.</summary>
internal static class SeededHash
{
    private const int Pair = 2 * sizeof(ulong);

    private static readonly ulong _first = Random();
    private static readonly ulong _second = Random();

    /// <summary>Adds bytes to a hash.</summary>
    /// <param name="hash">The hash of the bytes before; for the first bytes, a number for their kind.</param>
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

        // The last block overlaps the block before it. That is safe because the hash already contains the length.
        return MixPair(hash, last);
    }

    private static ulong MixPair(ulong hash, ReadOnlySpan<byte> bytes) =>
        Mix(hash ^ MemoryMarshal.Read<ulong>(bytes), MemoryMarshal.Read<ulong>(bytes[sizeof(ulong)..]));

    // Multiplies two numbers and folds the 128 bits of the product.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong a, ulong b)
    {
        var high = Math.BigMul(a ^ _first, b ^ _second, out var low);
        return high ^ low;
    }

    private static ulong Random() => MemoryMarshal.Read<ulong>(RandomNumberGenerator.GetBytes(sizeof(ulong)));
}

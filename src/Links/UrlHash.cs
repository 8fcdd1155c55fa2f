using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;

namespace Tracking.Links;

/// <summary>
/// SHA-256 (FIPS 180-4) of many URLs at once, eight or sixteen side by side. One by one, the calls of the crypto
/// library cost four times as much as hashing 100 bytes, and a newsletter has 80 URLs. The hash of a URL is not a
/// secret, so the time need not be constant.
/// </summary>
public static class UrlHash
{
    private const int StateWords = 8;

    // Below this number hashing one by one costs less.
    private const int FewestLanes = 4;

    private const int Block = 64;

    private static ReadOnlySpan<uint> Start =>
    [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    ];

    private static ReadOnlySpan<uint> Constants =>
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// <summary>Hashes URLs.</summary>
    /// <param name="urls">The URLs.</param>
    /// <param name="hashes">Receives 32 bytes for each of them.</param>
    public static void Compute(ReadOnlySpan<ReadOnlyMemory<byte>> urls, Span<byte> hashes)
    {
        while (urls.Length >= FewestLanes && Vector256.IsHardwareAccelerated)
        {
            var isWide = Avx512F.IsSupported && urls.Length > EightLanes.Count;
            var count = Math.Min(urls.Length, isWide ? SixteenLanes.Count : EightLanes.Count);
            if (isWide)
            {
                ComputeLanes<SixteenLanes>(urls[..count], hashes);
            }
            else
            {
                ComputeLanes<EightLanes>(urls[..count], hashes);
            }

            urls = urls[count..];
            hashes = hashes[(count * SHA256.HashSizeInBytes)..];
        }

        foreach (var url in urls)
        {
            SHA256.HashData(url.Span, hashes);
            hashes = hashes[SHA256.HashSizeInBytes..];
        }
    }

    private static void ComputeLanes<T>(ReadOnlySpan<ReadOnlyMemory<byte>> urls, Span<byte> hashes)
        where T : unmanaged, ILanes<T>
    {
        Span<T> state = stackalloc T[StateWords];
        for (var i = 0; i < StateWords; i++)
        {
            state[i] = T.Create(Start[i]);
        }

        var blocks = 0;
        foreach (var url in urls)
        {
            blocks = Math.Max(blocks, Blocks(url.Length));
        }

        Span<T> words = stackalloc T[Block];
        Span<byte> padded = stackalloc byte[Block];
        for (var block = 0; block < blocks; block++)
        {
            for (var lane = 0; lane < urls.Length; lane++)
            {
                Load(urls[lane].Span, block, lane, padded, words);
            }

            Compress(state, words);
            for (var lane = 0; lane < urls.Length; lane++)
            {
                if (block == Blocks(urls[lane].Length) - 1)
                {
                    Store(state, lane, hashes.Slice(lane * SHA256.HashSizeInBytes, SHA256.HashSizeInBytes));
                }
            }
        }
    }

    // The message, a one bit, zeros, and the length in bits at the end of the last block.
    private static int Blocks(int length) => ((length + 8) / Block) + 1;

    // Copies a block of one URL into its lane. Lanes that have ended, or have no URL, keep their content.
    private static void Load<T>(ReadOnlySpan<byte> url, int block, int lane, Span<byte> padded, Span<T> words)
        where T : unmanaged, ILanes<T>
    {
        if (block >= Blocks(url.Length))
        {
            return;
        }

        var from = block * Block;
        var source = from + Block <= url.Length ? url.Slice(from, Block) : Pad(url, from, padded);
        ref var first = ref Unsafe.Add(ref Unsafe.As<T, uint>(ref words[0]), lane);
        ref var bytes = ref MemoryMarshal.GetReference(source);
        for (var i = 0; i < Block / 4; i++)
        {
            var word = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref bytes, 4 * i));
            Unsafe.Add(ref first, i * T.Count) =
                BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(word) : word;
        }
    }

    private static void Store<T>(Span<T> state, int lane, Span<byte> hash)
        where T : unmanaged, ILanes<T>
    {
        ref var first = ref Unsafe.As<T, uint>(ref state[0]);
        for (var i = 0; i < StateWords; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(hash[(4 * i)..], Unsafe.Add(ref first, (i * T.Count) + lane));
        }
    }

    private static Span<byte> Pad(ReadOnlySpan<byte> url, int from, Span<byte> padded)
    {
        padded.Clear();
        if (from <= url.Length)
        {
            url[from..].CopyTo(padded);
            padded[url.Length - from] = 0x80;
        }

        if (from == (Blocks(url.Length) - 1) * Block)
        {
            BinaryPrimitives.WriteUInt64BigEndian(padded[^8..], (ulong)url.Length * 8);
        }

        return padded;
    }

    private static void Compress<T>(Span<T> state, Span<T> words)
        where T : unmanaged, ILanes<T>
    {
        for (var i = 16; i < Block; i++)
        {
            var (w15, w2) = (words[i - 15], words[i - 2]);
            var s0 = T.Xor(T.RotateRight(w15, 7), T.RotateRight(w15, 18), T.ShiftRight(w15, 3));
            var s1 = T.Xor(T.RotateRight(w2, 17), T.RotateRight(w2, 19), T.ShiftRight(w2, 10));
            words[i] = words[i - 16] + s0 + words[i - 7] + s1;
        }

        // Eight rounds, after which each word is in its old place again.
        var (a, b, c, d) = (state[0], state[1], state[2], state[3]);
        var (e, f, g, h) = (state[4], state[5], state[6], state[7]);
        for (var i = 0; i < Block; i += 8)
        {
            h += Choose(e, f, g, words[i], Constants[i]);
            d += h;
            h += Majority(a, b, c);
            g += Choose(d, e, f, words[i + 1], Constants[i + 1]);
            c += g;
            g += Majority(h, a, b);
            f += Choose(c, d, e, words[i + 2], Constants[i + 2]);
            b += f;
            f += Majority(g, h, a);
            e += Choose(b, c, d, words[i + 3], Constants[i + 3]);
            a += e;
            e += Majority(f, g, h);
            d += Choose(a, b, c, words[i + 4], Constants[i + 4]);
            h += d;
            d += Majority(e, f, g);
            c += Choose(h, a, b, words[i + 5], Constants[i + 5]);
            g += c;
            c += Majority(d, e, f);
            b += Choose(g, h, a, words[i + 6], Constants[i + 6]);
            f += b;
            b += Majority(c, d, e);
            a += Choose(f, g, h, words[i + 7], Constants[i + 7]);
            e += a;
            a += Majority(b, c, d);
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Choose<T>(T e, T f, T g, T word, uint constant)
        where T : unmanaged, ILanes<T> =>
        T.Xor(T.RotateRight(e, 6), T.RotateRight(e, 11), T.RotateRight(e, 25))
            + T.Select(e, f, g) + (T.Create(constant) + word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Majority<T>(T a, T b, T c)
        where T : unmanaged, ILanes<T> =>
        T.Xor(T.RotateRight(a, 2), T.RotateRight(a, 13), T.RotateRight(a, 22)) + T.Select(T.Xor(a, b), c, a);
}

using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace Tracking.Rewrite.Html;

/// <summary>
/// Segments of markup that were read before: the messages of a campaign share nearly all of theirs. What is remembered
/// follows from the bytes alone, and is used only where every byte is the same; so it is nobody's in particular, and
/// forgetting costs time only. Bounded; any number of threads.
/// </summary>
/// <param name="options">How many segments.</param>
public sealed class MarkupMemory(IOptions<RewriteOptions> options)
{
    /// <summary>The longest segment that is remembered, in bytes: a newsletter's head with its styles, and room to
    /// spare.</summary>
    internal const int MaxSegmentBytes = 16 * 1024;

    private const int Ways = 2;

    // Nobody who sends mail can choose what falls on one place.
    private readonly ulong _seed = MemoryMarshal.Read<ulong>(RandomNumberGenerator.GetBytes(sizeof(ulong)));
    private readonly Segment?[] _segments = new Segment?[Sets(options.Value.RememberedSegments) * Ways];

    // What stands in one message only, such as the recipient's name, must not push out what they share: a segment is
    // remembered when it comes a second time.
    private readonly ulong[] _seen = new ulong[Sets(options.Value.RememberedSegments) * 4];

    /// <summary>Finds what followed the previous segment the last time, if it does again.</summary>
    internal Segment? After(Segment? previous, ReadOnlySpan<byte> rest) =>
        previous is { Next: >= 0 and var place }
            && Volatile.Read(ref _segments[place]) is { } segment
            && segment.Kind == previous.Kind
            && segment.Begins(rest)
                ? segment
                : null;

    /// <summary>Finds a segment by its bytes.</summary>
    internal Segment? Find(
        ulong hash, SegmentKind kind, ReadOnlySpan<byte> markup, bool endsPart, Segment? previous)
    {
        var first = First(hash);
        for (var place = first; place < first + Ways; place++)
        {
            if (Volatile.Read(ref _segments[place]) is { } segment
                && segment.EndsPart == endsPart
                && segment.Kind == kind
                && markup.SequenceEqual(segment.Markup))
            {
                if (previous is not null)
                {
                    previous.Next = place;
                }

                return segment;
            }
        }

        return null;
    }

    /// <summary>Whether a segment is worth remembering: from the second time on.</summary>
    internal bool IsWorthIt(ulong hash)
    {
        ref var seen = ref _seen[hash & (ulong)(_seen.Length - 1)];
        if (Volatile.Read(ref seen) == hash)
        {
            return true;
        }

        Volatile.Write(ref seen, hash);
        return false;
    }

    /// <summary>Remembers a segment; of those in its place the older one is forgotten.</summary>
    internal void Add(ulong hash, Segment segment)
    {
        var first = First(hash);
        Volatile.Write(ref _segments[first + 1], _segments[first]);
        Volatile.Write(ref _segments[first], segment);
    }

    /// <summary>A hash that is the same for the same bytes read as the same kind, in this process.</summary>
    internal ulong Hash(SegmentKind kind, ReadOnlySpan<byte> markup, bool endsPart)
    {
        var hash = Mix(_seed ^ (uint)markup.Length, (ulong)(uint)kind.GetHashCode() << 1 | (endsPart ? 1UL : 0));
        var words = MemoryMarshal.Cast<byte, ulong>(markup);
        for (var i = 1; i < words.Length; i += 2)
        {
            hash = Mix(hash ^ words[i - 1], words[i]);
        }

        for (var i = words.Length / 2 * 16; i < markup.Length; i++)
        {
            hash = Mix(hash, markup[i]);
        }

        return hash;
    }

    // The 128 bits of a product, folded.
    private static ulong Mix(ulong a, ulong b)
    {
        var high = Math.BigMul(a ^ 0x9e3779b97f4a7c15UL, b ^ 0xd1b54a32d192ed03UL, out var low);
        return high ^ low;
    }

    private static int Sets(int segments) => (int)BitOperations.RoundUpToPowerOf2((uint)segments) / Ways;

    private int First(ulong hash) => (int)((hash >> 32) & (ulong)((_segments.Length / Ways) - 1)) * Ways;
}

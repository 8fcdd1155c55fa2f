using System.Numerics;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Html;

/// <summary>
/// Segments of markup that were read before. The messages of a campaign share nearly all of their segments. A
/// remembered result follows from the segment's bytes alone and is used only for equal bytes, so it belongs to no
/// tenant. Forgetting a segment costs only time. The memory is bounded and safe for any number of threads.
/// </summary>
/// <param name="segments">The number of segments; rounded up to the next power of two.</param>
public sealed class MarkupMemory(int segments)
{
    /// <summary>The longest segment that is remembered, in bytes. A newsletter's head with its styles fits.</summary>
    internal const int MaxSegmentBytes = 16 * 1024;

    private const int Ways = 2;

    private readonly Segment?[] _segments = new Segment?[Sets(segments) * Ways];

    // Text that occurs in one message only, such as the recipient's name, must not displace the segments that messages
    // share. So a segment is remembered when it occurs a second time.
    private readonly ulong[] _seen = new ulong[Sets(segments) * 4];

    /// <summary>Finds the segment that followed the previous segment last time, if the rest begins with the same
    /// segment again.</summary>
    /// <returns>The segment's length in the rest of the part, or -1.</returns>
    internal int After(Segment? previous, ReadOnlySpan<byte> rest, out Segment? segment)
    {
        segment = previous is { Next: >= 0 and var place } ? Volatile.Read(ref _segments[place]) : null;
        return segment is not null && segment.Kind == previous!.Kind ? segment.Match(rest) : -1;
    }

    /// <summary>Finds the segment with which the rest of a part begins.</summary>
    /// <returns>The segment's length in the rest, or -1.</returns>
    internal int Find(
        ulong hash, SegmentKind kind, ReadOnlySpan<byte> rest, Segment? previous, out Segment? segment)
    {
        var first = First(hash);
        for (var place = first; place < first + Ways; place++)
        {
            segment = Volatile.Read(ref _segments[place]);
            if (segment is not null && segment.Kind == kind && segment.Match(rest) is >= 0 and var length)
            {
                if (previous is not null)
                {
                    previous.Next = place;
                }

                return length;
            }
        }

        segment = null;
        return -1;
    }

    /// <summary>Whether a segment should be remembered: from its second occurrence on.</summary>
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

    /// <summary>Remembers a segment in place of the older of the two segments in its set.</summary>
    internal void Add(ulong hash, Segment segment)
    {
        var first = First(hash);
        Volatile.Write(ref _segments[first + 1], _segments[first]);
        Volatile.Write(ref _segments[first], segment);
    }

    /// <summary>A hash of the bytes without the gap, together with the kind of reading. Equal within this process
    /// only.</summary>
    internal static ulong Hash(SegmentKind kind, ReadOnlySpan<byte> markup, ByteRange gap, bool endsPart)
    {
        var hash = (uint)kind.GetHashCode() ^ (endsPart ? 1UL << 32 : 0);
        return SeededHash.Add(SeededHash.Add(hash, markup[..gap.Start]), markup[gap.End..]);
    }

    private static int Sets(int segments) => (int)BitOperations.RoundUpToPowerOf2((uint)segments) / Ways;

    private int First(ulong hash) => (int)((hash >> 32) & (ulong)((_segments.Length / Ways) - 1)) * Ways;
}

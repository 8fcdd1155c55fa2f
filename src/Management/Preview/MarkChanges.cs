using System.Buffers;

namespace Tracking.Management.Preview;

/// <summary>How a piece of text changes.</summary>
public enum Change
{
    /// <summary>The piece stays.</summary>
    Same,

    /// <summary>The piece is removed.</summary>
    Gone,

    /// <summary>The piece is added.</summary>
    New,

    /// <summary>Unchanged characters that are not shown.</summary>
    Left,
}

/// <summary>A piece of a text before or after the rewriting.</summary>
/// <param name="Change">How it changes.</param>
/// <param name="Text">The piece; empty if it is not shown.</param>
/// <param name="Length">The number of characters.</param>
public readonly record struct Piece(Change Change, string Text, int Length);

/// <summary>
/// Marks the changes of a rewriting. A rewriting adds and removes short pieces, in order, so no general comparison is
/// needed. After a difference, the texts continue equally at the first run of characters that occurs in both.
/// </summary>
public static class MarkChanges
{
    // A run of this length does not occur in two different pieces by chance.
    private const int Run = 16;

    // The longest piece: somewhat more than the longest URL that is wrapped.
    private const int Window = 10_000;

    // https://
    private const int Scheme = 8;

    // The number of characters that are shown on each side of a change.
    private const int Context = 240;

    // The characters that can stand before a URL.
    private static readonly SearchValues<char> _ends = SearchValues.Create(" \n\"'<>()=");

    /// <summary>The pieces of both texts. Text far from a change is left out.</summary>
    public static IReadOnlyList<Piece> Of(string before, string after)
    {
        var pieces = new List<Piece>();
        var (at, to) = (0, 0);
        while (at < before.Length || to < after.Length)
        {
            var same = before.AsSpan(at).CommonPrefixLength(after.AsSpan(to));
            same -= at + same == before.Length && to + same == after.Length
                ? 0 : BeganAlike(before.AsSpan(at, same));
            AddSame(pieces, before.AsSpan(at, same), isLast: at + same == before.Length && to + same == after.Length);
            (at, to) = (at + same, to + same);
            if (at == before.Length && to == after.Length)
            {
                break;
            }

            var (gone, come) = Next(before.AsSpan(at), after.AsSpan(to));
            Add(pieces, Change.Gone, before.AsSpan(at, gone));
            Add(pieces, Change.New, after.AsSpan(to, come));
            (at, to) = (at + gone, to + come);
        }

        return pieces;
    }

    // A changed URL counts as changed from its beginning, although "http" is equal. A tag counts as changed from its
    // "<".
    private static int BeganAlike(ReadOnlySpan<char> same)
    {
        if (same is [.., '<'])
        {
            return 1;
        }

        var length = same.Length - 1 - same.LastIndexOfAny(_ends);
        return length <= Scheme && same[^length..].StartsWith("http") ? length : 0;
    }

    // The length of the difference in each text.
    private static (int Gone, int Come) Next(ReadOnlySpan<char> before, ReadOnlySpan<char> after)
    {
        var seen = new Dictionary<int, int>();
        var last = Math.Min(after.Length - Run, Window);
        for (var come = 0; come <= last; come++)
        {
            seen.TryAdd(string.GetHashCode(after.Slice(come, Run)), come);
        }

        // The default: only the end of both texts is equal.
        var end = CommonEnd(before, after);
        var best = (Gone: before.Length - end, Come: after.Length - end);
        var least = Math.Max(best.Gone, best.Come);
        for (var gone = 0; gone <= before.Length - Run && gone < Window && gone < least; gone++)
        {
            var run = before.Slice(gone, Run);
            if (seen.TryGetValue(string.GetHashCode(run), out var come)
                && after[come..].StartsWith(run)
                && Math.Max(gone, come) < least)
            {
                // The pair whose longer piece is shortest: a text that repeats a URL behind it must not be taken for
                // the URL.
                best = (gone, come);
                least = Math.Max(gone, come);
            }
        }

        return best;
    }

    private static int CommonEnd(ReadOnlySpan<char> one, ReadOnlySpan<char> other)
    {
        var length = 0;
        while (length < one.Length && length < other.Length && one[^(length + 1)] == other[^(length + 1)])
        {
            length++;
        }

        return length;
    }

    private static void AddSame(List<Piece> pieces, ReadOnlySpan<char> text, bool isLast)
    {
        var (ahead, behind) = (pieces.Count == 0 ? 0 : Context, isLast ? 0 : Context);
        if (text.Length <= ahead + behind + Context)
        {
            Add(pieces, Change.Same, text);
            return;
        }

        Add(pieces, Change.Same, text[..Whole(text, ahead)]);
        var tail = Whole(text, text.Length - behind);
        pieces.Add(new Piece(Change.Left, "", tail - Whole(text, ahead)));
        Add(pieces, Change.Same, text[tail..]);
    }

    // A surrogate pair is never split.
    private static int Whole(ReadOnlySpan<char> text, int at) =>
        at > 0 && at < text.Length && char.IsLowSurrogate(text[at]) ? at - 1 : at;

    private static void Add(List<Piece> pieces, Change change, ReadOnlySpan<char> text)
    {
        if (text.Length > 0)
        {
            pieces.Add(new Piece(change, text.ToString(), text.Length));
        }
    }
}

namespace Tracking.Rewrite.Findings;

/// <summary>A range of bytes. The property that holds the range says which bytes it refers to.</summary>
/// <param name="Start">The range's start; -1 for no range.</param>
/// <param name="Length">Its length.</param>
internal readonly record struct ByteRange(int Start, int Length)
{
    /// <summary>No range.</summary>
    public static ByteRange None => new(-1, 0);

    /// <summary>Where it ends.</summary>
    public int End => Start + Length;

    /// <summary>Whether there is one.</summary>
    public bool IsGiven => Start >= 0;

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> In(ReadOnlySpan<byte> bytes) => bytes.Slice(Start, Length);

    /// <summary>The bytes.</summary>
    public ReadOnlyMemory<byte> In(ReadOnlyMemory<byte> bytes) => bytes.Slice(Start, Length);
}

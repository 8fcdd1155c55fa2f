using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Queue;

/// <summary>A message as it leaves the queue consumer.</summary>
/// <param name="Body">In the form in which it came.</param>
internal sealed record RewrittenMessage(ReadOnlyMemory<byte> Body)
{
    /// <summary>The id that it is stored under; <see langword="null"/> when it did not come that far.</summary>
    public string? MessageId { get; init; }

    /// <summary>The id that its publisher gave and that was not used: it stands for other bytes.</summary>
    public string? IgnoredMessageId { get; init; }

    /// <summary>The tracking host asked for and not used.</summary>
    public IgnoredHost? IgnoredHost { get; init; }

    /// <summary>Links that were wrapped.</summary>
    public int Links { get; init; }

    /// <summary>Whether it got an open pixel.</summary>
    public bool HasPixel { get; init; }

    /// <summary>Why nothing is tracked; <see langword="null"/> otherwise.</summary>
    public Untouched? Untouched { get; init; }

    /// <summary>The header that cannot be used, where that is why.</summary>
    public string? InvalidHeader { get; init; }
}

using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Queue;

/// <summary>A message that the queue consumer sends.</summary>
/// <param name="Body">The body, in the form of the original body.</param>
internal sealed record RewrittenMessage(ReadOnlyMemory<byte> Body)
{
    /// <summary>The id under which the message is stored; <see langword="null"/> for a message that is not
    /// stored.</summary>
    public string? MessageId { get; init; }

    /// <summary>The publisher's id that is not used because it belongs to other bytes.</summary>
    public string? IgnoredMessageId { get; init; }

    /// <summary>The requested tracking host that is not used.</summary>
    public IgnoredHost? IgnoredHost { get; init; }

    /// <summary>The message's own headers that are not obeyed.</summary>
    public IReadOnlyList<IgnoredHeader> IgnoredHeaders { get; init; } = [];

    /// <summary>The number of wrapped links.</summary>
    public int Links { get; init; }

    /// <summary>Whether the message got an open pixel.</summary>
    public bool HasPixel { get; init; }

    /// <summary>Why nothing is tracked; <see langword="null"/> otherwise.</summary>
    public Untouched? Untouched { get; init; }

    /// <summary>The header with an invalid value, if that is the reason.</summary>
    public string? InvalidHeader { get; init; }
}

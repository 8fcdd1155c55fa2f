namespace Tracking.Contracts;

/// <summary>Management → Rewrite: show the result of rewriting this message. Nothing is stored.</summary>
public sealed record PreviewMessage
{
    /// <summary>The producer's id of this question.</summary>
    public required Guid Id { get; init; }

    /// <summary>The number of the cluster whose settings are used.</summary>
    public required int Cluster { get; init; }

    /// <summary>The raw message (RFC 5322).</summary>
    public required byte[] Message { get; init; }

    /// <summary>The queue for the answer.</summary>
    public required string ReplyTo { get; init; }
}

/// <summary>Rewrite → Management: the answer to <see cref="PreviewMessage"/>.</summary>
public sealed record MessagePreviewed
{
    /// <summary>The producer's id of this message.</summary>
    public required Guid Id { get; init; }

    /// <summary>The question's id.</summary>
    public required Guid Request { get; init; }

    /// <summary>The preview; <see langword="null"/> while the store is unavailable.</summary>
    public MessagePreview? Preview { get; init; }
}

/// <summary>The result of rewriting a message.</summary>
public sealed record MessagePreview
{
    /// <summary>The host of the message's links.</summary>
    public required string Host { get; init; }

    /// <summary>The number of links that would be wrapped.</summary>
    public required int TrackedLinks { get; init; }

    /// <summary>Whether the message would get an open pixel.</summary>
    public required bool Opens { get; init; }

    /// <summary>Why the message would not be tracked, a word of <c>docs/reasons.md</c>; absent otherwise.</summary>
    public string? Untouched { get; init; }

    /// <summary>Facts that the sender may want to change, words of <c>docs/reasons.md</c>. Further words may be
    /// added.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>The header, as part 0, and the parts that contain no other parts, from 1.</summary>
    public required IReadOnlyList<PreviewedPart> Parts { get; init; }

    /// <summary>Every link that was found.</summary>
    public required IReadOnlyList<PreviewedLink> Links { get; init; }
}

/// <summary>A part of a message, before and after.</summary>
public sealed record PreviewedPart
{
    /// <summary>The part's number.</summary>
    public required int Part { get; init; }

    /// <summary><c>header</c>, <c>html</c>, <c>amp</c>, <c>text</c> or <c>other</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>Octets of the decoded content.</summary>
    public required int Size { get; init; }

    /// <summary>Octets of the decoded content after rewriting.</summary>
    public required int SizeAfter { get; init; }

    /// <summary>Why the part stays unchanged, a word of <c>docs/reasons.md</c>; absent when it was read.</summary>
    public string? Reason { get; init; }

    /// <summary>The part's text; absent for other content. A random key that is not kept signs the tokens in
    /// <see cref="After"/>, so no edge answers them.</summary>
    public string? Before { get; init; }

    /// <summary>The part's text after rewriting.</summary>
    public string? After { get; init; }
}

/// <summary>A link of a message, and the decision about it.</summary>
public sealed record PreviewedLink
{
    /// <summary>The number of the link's part.</summary>
    public required int Part { get; init; }

    /// <summary>The link's place among the part's links, from 1.</summary>
    public required int Position { get; init; }

    /// <summary>The URL, user name and password masked.</summary>
    public required string Url { get; init; }

    /// <summary><c>tracked</c>, or the reason why the link stays plain: a word of <c>docs/reasons.md</c>.</summary>
    public required string Decision { get; init; }

    /// <summary>The link's name in reports.</summary>
    public string? Name { get; init; }
}

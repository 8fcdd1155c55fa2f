namespace Tracking.Rewrite.Decisions;

/// <summary>Why a message's own header about its tracking is not obeyed.</summary>
public enum HeaderIgnored
{
    /// <summary>The header must be JSON, and is not.</summary>
    NotJson,

    /// <summary>The header has a value without a meaning.</summary>
    UnknownValue,

    /// <summary>The header is longer than <c>MaxOtherHeaderBytes</c>, or than any value of ours.</summary>
    TooLong,
}

/// <summary>A header of a message that is not obeyed.</summary>
/// <param name="Header">The header's name.</param>
/// <param name="Why">Why it is not obeyed.</param>
public sealed record IgnoredHeader(string Header, HeaderIgnored Why)
{
    /// <summary>The header and the reason, as results say them.</summary>
    public override string ToString() => $"{Header} {WireWords.Of(Why)}";
}

using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>The HTML of a mail, once for all messages that have the same.</summary>
public sealed class KeptBody
{
    /// <summary>Whose it is.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>SHA-256 of the HTML.</summary>
    public required byte[] Hash { get; init; }

    /// <summary>UTF-8, Brotli.</summary>
    public required byte[] Html { get; init; }

    /// <summary>When it is deleted.</summary>
    public required DateTimeOffset KeptUntil { get; init; }
}

/// <summary>Which HTML a message has.</summary>
public sealed class MessageBody
{
    /// <summary>Whose it is.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The message.</summary>
    public required MessageKey MessageKey { get; init; }

    /// <summary>SHA-256 of the HTML.</summary>
    public required byte[] Hash { get; init; }

    /// <summary>When it is deleted.</summary>
    public required DateTimeOffset KeptUntil { get; init; }
}

using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>The HTML of a mail, stored once for all messages with the same HTML.</summary>
public sealed class KeptBody
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>SHA-256 of the HTML.</summary>
    public required byte[] Hash { get; init; }

    /// <summary>UTF-8, Brotli.</summary>
    public required byte[] Html { get; init; }

    /// <summary>When it is deleted.</summary>
    public required DateTimeOffset KeptUntil { get; init; }
}

/// <summary>The HTML of a message.</summary>
public sealed class MessageBody
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The message.</summary>
    public required MessageKey MessageKey { get; init; }

    /// <summary>SHA-256 of the HTML.</summary>
    public required byte[] Hash { get; init; }

    /// <summary>When it is deleted.</summary>
    public required DateTimeOffset KeptUntil { get; init; }
}

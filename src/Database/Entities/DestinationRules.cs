using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>A blocked destination: no link of any cluster leads to it.</summary>
public sealed class BlockedDestination
{
    /// <summary>A host, <c>*.</c> and a host, or one of them with a path (<see cref="HostSet"/>).</summary>
    public required string Pattern { get; init; }

    /// <summary>The reason, for admins.</summary>
    public required string Reason { get; set; }

    /// <summary>When it was blocked.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A repaired destination: in a message, or in all messages with a tag, another destination replaces
/// it.</summary>
public sealed class Repair
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The repair's id, a UUIDv7.</summary>
    public required Guid Id { get; init; }

    /// <summary>The destination in the sent mail.</summary>
    public required LinkId LinkId { get; init; }

    /// <summary>The destination to which recipients are redirected instead.</summary>
    public required LinkId NewLinkId { get; init; }

    /// <summary>The one message; <see langword="null"/> for a tag.</summary>
    public required byte[]? MessageKey { get; init; }

    /// <summary>The tag; <see langword="null"/> for a message.</summary>
    public required string? Tag { get; init; }

    /// <summary>When the repair was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the repair was undone or replaced by another one.</summary>
    public required DateTimeOffset? UndoneAt { get; set; }
}

/// <summary>The files that connect a host name with a mobile app.</summary>
public enum AppFileKind : short
{
    /// <summary><c>apple-app-site-association</c>: universal links of iOS and macOS.</summary>
    Apple = 0,

    /// <summary><c>assetlinks.json</c>: Digital Asset Links, app links of Android.</summary>
    Android = 1,
}

/// <summary>An app file of a tracking domain.</summary>
public sealed class AppFile
{
    /// <summary>The tracking domain.</summary>
    public required Guid DomainId { get; init; }

    /// <summary>The kind of file.</summary>
    public required AppFileKind Kind { get; init; }

    /// <summary>The JSON, unchanged.</summary>
    public required byte[] Content { get; set; }

    /// <summary>When the file was stored.</summary>
    public required DateTimeOffset ChangedAt { get; set; }
}

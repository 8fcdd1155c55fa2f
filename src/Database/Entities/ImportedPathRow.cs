using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>The destination of a path on a tracking domain, for mail that another system sent. It never
/// changes.</summary>
public sealed class ImportedPathRow
{
    /// <summary>The cluster to which it belongs.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>A-labels, lower case, without a final dot.</summary>
    public required string Host { get; init; }

    /// <summary>The path, printable ASCII, with the query if the query identifies the link.</summary>
    public required string Path { get; init; }

    /// <summary>0 click, 1 open; -1: the query identifies the links on this path.</summary>
    public required short Kind { get; init; }

    /// <summary>The message.</summary>
    public required MessageKey MessageKey { get; init; }

    /// <summary>The destination.</summary>
    public required LinkId LinkId { get; init; }
}

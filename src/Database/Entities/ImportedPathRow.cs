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

    /// <summary>Printable ASCII, with the query where that belongs to the link's name.</summary>
    public required string Path { get; init; }

    /// <summary>0 click, 1 open; -1: links on the path are told apart by their query.</summary>
    public required short Kind { get; init; }

    /// <summary>Its message.</summary>
    public required MessageKey MessageKey { get; init; }

    /// <summary>Its destination.</summary>
    public required LinkId LinkId { get; init; }
}

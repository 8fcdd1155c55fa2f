using Tracking.Links;

namespace Tracking.Database.Entities;

/// <summary>Events of a cluster that were stored together.</summary>
public sealed class StoredEvents
{
    /// <summary>The cluster to which they belong.</summary>
    public required ClusterId ClusterId { get; init; }

    /// <summary>The row's id.</summary>
    public required Guid Id { get; init; }

    /// <summary>When the events were stored.</summary>
    public required DateTimeOffset StoredAt { get; init; }

    /// <summary>The row's place in the order of storing, from 1; <see langword="null"/> until a reader asks for the
    /// order.</summary>
    public required long? Position { get; init; }

    /// <summary>The events, in the order of their batch.</summary>
    public required Guid[] EventIds { get; init; }
}

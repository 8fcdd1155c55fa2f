using Tracking.Links;

namespace Tracking.Database;

/// <summary>A tracking domain changed.</summary>
/// <param name="Cluster">The domain's cluster; <see langword="null"/> when it is not known.</param>
/// <param name="Hostname">The domain's name, A-labels.</param>
/// <param name="IsGone">Whether its links stop working: the domain was deleted or became pending.</param>
public sealed record HostChange(ClusterId? Cluster, string Hostname, bool IsGone);

/// <summary>A callback for changes of tracking domains. Each class that keeps tracking domains in memory registers
/// one.</summary>
/// <param name="Heed">Reads the domain again or drops it. Called for every change, so it must be cheap.</param>
public sealed record HeedHostChange(Action<HostChange> Heed);

using Tracking.Links;

namespace Tracking.Database;

/// <summary>A tracking domain changed.</summary>
/// <param name="Cluster">Whose it is, where that is known.</param>
/// <param name="Hostname">Its name, A-labels.</param>
/// <param name="IsGone">Whether its links stop: it was deleted, or became pending.</param>
public sealed record HostChange(ClusterId? Cluster, string Hostname, bool IsGone);

/// <summary>A callback for changes of tracking domains. Each class that keeps tracking domains in memory registers
/// one.</summary>
/// <param name="Heed">Reads again or forgets; called for every change, so it must be cheap.</param>
public sealed record HeedHostChange(Action<HostChange> Heed);

namespace Tracking.Database;

/// <summary>What forgets as soon as a cluster, key, host or signing key changes, contributed by whoever remembers
/// something of them beside <see cref="ClusterDirectory"/>.</summary>
/// <param name="Forget">Forgets; called for every change, so it must be cheap.</param>
public sealed record ForgetOnChange(Action Forget);

namespace Tracking.Database;

/// <summary>A callback that empties a cache when a cluster, key, host or signing key changes. Each class with such a
/// cache registers one; <see cref="ClusterDirectory"/> needs none.</summary>
/// <param name="Forget">Empties the cache. Called for every change, so it must be cheap.</param>
public sealed record ForgetOnChange(Action Forget);

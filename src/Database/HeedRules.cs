namespace Tracking.Database;

/// <summary>A callback for changes of blocked and repaired destinations and of withdrawals. Each class that keeps them
/// in memory registers one.</summary>
/// <param name="Heed">Reads again; called for every change, so it must be cheap.</param>
public sealed record HeedRules(Action Heed);

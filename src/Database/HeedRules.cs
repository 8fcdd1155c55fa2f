namespace Tracking.Database;

/// <summary>A callback for changes of blocked and repaired destinations and of withdrawals. Each class that keeps them
/// in memory registers one.</summary>
/// <param name="Heed">Reads the rules again. Called for every change, so it must be cheap.</param>
public sealed record HeedRules(Action Heed);

namespace Tracking.Database;

/// <summary>What is told of blocked and repaired destinations and of withdrawals, contributed by whoever holds them in
/// memory.</summary>
/// <param name="Heed">Reads again; called for every change, so it must be cheap.</param>
public sealed record HeedRules(Action Heed);

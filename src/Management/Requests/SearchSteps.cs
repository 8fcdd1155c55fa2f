namespace Tracking.Management.Requests;

/// <summary>
/// A search for what no index knows goes along an index that gives the order, a step of so many rows at a time: every
/// statement is short whatever it finds, and a search that finds nothing ends at a bound that somebody has set.
/// </summary>
internal static class SearchSteps
{
    /// <summary>Rows of a step: some ten milliseconds.</summary>
    public const int Rows = 10_000;
}

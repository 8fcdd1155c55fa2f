namespace Tracking.Management.Requests;

/// <summary>
/// A search with a condition that no index answers. It follows the index of the order, a limited number of rows at a
/// time. So every statement is short, and a search without results ends at a configured limit.
/// </summary>
internal static class SearchSteps
{
    /// <summary>The number of rows of a step, which takes some ten milliseconds.</summary>
    public const int Rows = 10_000;
}

using System.Collections.Concurrent;

namespace Tracking.System.Tests;

/// <summary>
/// The ledger of a run. Every request has its own marker. A run is good only with lost = 0 and unexpected = 0:
/// acknowledged ⊆ stored ⊆ attempted, each attempt stored at most once. (A request whose answer was cut off by a kill
/// may be stored without acknowledgement.)
/// </summary>
internal sealed class Ledger
{
    private readonly ConcurrentDictionary<string, byte> _attempted = new();
    private readonly ConcurrentDictionary<string, byte> _acknowledged = new();

    public int Attempted => _attempted.Count;

    public int Acknowledged => _acknowledged.Count;

    public bool IsAcknowledged(string marker) => _acknowledged.ContainsKey(marker);

    /// <summary>A request is about to be sent.</summary>
    public void Attempt(string marker) => Assert.True(_attempted.TryAdd(marker, 0), $"marker {marker} used twice");

    /// <summary>The complete and right answer has arrived.</summary>
    public void Acknowledge(string marker) => _acknowledged.TryAdd(marker, 0);

    /// <summary>The number of acknowledged markers that are not among the stored ones.</summary>
    public int Missing(IReadOnlyCollection<string> stored) => _acknowledged.Keys.Except(stored).Count();

    /// <summary>Compares the ledger with the stored markers, prints the result and checks it.</summary>
    /// <param name="stored">The stored markers, including repetitions.</param>
    /// <param name="what">The name of the counted things, for the output.</param>
    /// <param name="mayRepeat">Whether a marker may be found more than once.</param>
    public void AssertBalanced(
        IReadOnlyCollection<string> stored, string what = "events", bool mayRepeat = false)
    {
        var once = stored.ToHashSet();
        var lost = _acknowledged.Keys.Where(marker => !once.Contains(marker)).ToList();
        var unexpected = once.Where(marker => !_attempted.ContainsKey(marker)).ToList();
        var duplicated = stored.Count - once.Count;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"Ledger of {TestContext.Current.TestClass?.TestClassSimpleName}: {what} attempted {Attempted}, "
            + $"acknowledged {Acknowledged}, found {stored.Count}, lost {lost.Count}, duplicated {duplicated}, "
            + $"unexpected {unexpected.Count}");
        Assert.Empty(lost);
        Assert.Empty(unexpected);
        if (!mayRepeat)
        {
            Assert.Equal(0, duplicated);
        }
    }
}

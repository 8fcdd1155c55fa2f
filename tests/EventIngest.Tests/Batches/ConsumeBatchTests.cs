using Tracking.EventIngest.Batches;

namespace Tracking.EventIngest.Tests.Batches;

public sealed class ConsumeBatchTests
{
    [Fact]
    public void Pauses_double_up_to_the_longest_and_never_end()
    {
        var options = new EventIngestOptions();
        Assert.Equal(
            [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000],
            Enumerable.Range(1, 10).Select(attempt => ConsumeBatch.PauseAfter(attempt, options).TotalMilliseconds));
        Assert.Equal(TimeSpan.FromSeconds(30), ConsumeBatch.PauseAfter(int.MaxValue, options));
    }
}

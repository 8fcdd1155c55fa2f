using Tracking.Servers;

namespace Tracking.Functional.Tests.Standalone;

/// <summary>A separate class, because this test takes as long as Standalone waits for a server that does not
/// end.</summary>
public sealed class LeftoverDatabaseTests(PreparedDataFolder prepared)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_database_left_running_is_stopped_before_the_next_starts()
    {
        await using var standalone = await prepared.StartAsync(Cancelled);
        var database = Postmaster.IdOf(standalone);

        // A frozen server cannot handle the signal that it gets when its parent dies.
        await Postmaster.SignalAsync(database, "STOP");

        standalone.Kill();
        Assert.True(Postmaster.IsRunning(database));
        await standalone.RestartAsync(Cancelled);

        Assert.False(Postmaster.IsRunning(database));
        Assert.Contains("left by an earlier run", standalone.Output, StringComparison.Ordinal);
    }
}

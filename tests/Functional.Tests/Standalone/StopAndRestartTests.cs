using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Standalone;

public sealed class StopAndRestartTests(PreparedDataFolder prepared)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(PosixSignal.SIGTERM)]
    [InlineData(PosixSignal.SIGINT)]
    public async Task A_stop_is_clean_takes_the_database_along_and_stays_within_ten_seconds(PosixSignal signal)
    {
        await using var standalone = await prepared.StartAsync(Cancelled);
        var database = Postmaster.IdOf(standalone);
        var clock = Stopwatch.StartNew();

        Assert.Equal(0, await standalone.StopAsync(Cancelled, signal));

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.False(Postmaster.IsRunning(database));
        Assert.False(File.Exists(Postmaster.FileOf(standalone)));
    }

    [Fact]
    public async Task The_database_does_not_outlive_a_killed_process()
    {
        await using var standalone = await prepared.StartAsync(Cancelled);
        var database = Postmaster.IdOf(standalone);

        standalone.Kill();

        await Eventually.HoldsAsync(() => !Postmaster.IsRunning(database), "PostgreSQL ends", Cancelled);
    }

    [Fact]
    public async Task A_start_copes_with_both_processes_killed_and_a_stale_process_id_file()
    {
        await using var standalone = await prepared.StartAsync(Cancelled);
        var file = Postmaster.FileOf(standalone);
        standalone.Kill();
        await Eventually.HoldsAsync(() => !File.Exists(file), "PostgreSQL ends", Cancelled);

        // The id of a running process that is not PostgreSQL: the test's own.
        await File.WriteAllTextAsync(
            file, Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n/elsewhere\n", Cancelled);
        await standalone.RestartAsync(Cancelled);

        Assert.NotEqual(Environment.ProcessId, Postmaster.IdOf(standalone));
    }
}

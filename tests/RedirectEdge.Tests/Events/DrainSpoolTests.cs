using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Tests.Events;

public sealed class DrainSpoolTests
{
    private const int Clicks = 30;

    // Only draining seals these segments: size and age stay far below their limits.
    private static readonly Action<RedirectEdgeOptions> _patient = options =>
        (options.SealAfter, options.DrainTimeout) = (TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));

    [Fact]
    public async Task A_stop_publishes_what_is_there_and_waits_until_it_is_stored()
    {
        using var folder = new TemporaryFolder();
        var ingest = new StandInIngest();
        await using (var edge = await EdgeUnderTest.StartAsync(_patient, folder, ingest.AddTo))
        {
            await ClickAsync(edge);
            Assert.Empty(ingest.Stored);
            Assert.False(File.Exists(Mark(folder)));
            await edge.StopAsync();
            Assert.Equal(0, edge.Spool.Events);
        }

        Assert.Equal(Clicks, ingest.StoredMarkers.Count);
        Assert.Empty(Directory.EnumerateFiles(folder.Spool));
        Assert.True(File.Exists(Mark(folder)), "The folder is not marked as empty.");
    }

    [Fact]
    public async Task A_batch_sent_again_during_a_stop_counts_once()
    {
        using var folder = new TemporaryFolder();
        var ingest = new StandInIngest { Lose = batch => batch.Deliveries <= 2 };
        await using (var edge = await EdgeUnderTest.StartAsync(
            options =>
            {
                _patient(options);
                options.ResendAfter = TimeSpan.FromMilliseconds(100);
            },
            folder,
            ingest.AddTo))
        {
            await ClickAsync(edge);
            await edge.StopAsync();
        }

        Assert.Equal(Clicks, ingest.StoredMarkers.Count);
        Assert.True(File.Exists(Mark(folder)), "The folder is not marked as empty.");
    }

    [Fact]
    public async Task What_nobody_stores_in_time_stays_and_the_folder_is_not_marked()
    {
        using var folder = new TemporaryFolder();
        var silent = new StandInIngest { Lose = _ => true };
        await using (var edge = await EdgeUnderTest.StartAsync(
            options => options.DrainTimeout = TimeSpan.FromMilliseconds(200), folder, silent.AddTo))
        {
            await ClickAsync(edge);
            await edge.StopAsync();
            Assert.Equal(Clicks, edge.Spool.Events);
        }

        Assert.False(File.Exists(Mark(folder)));
        using var next = new TestSpool(folder);
        Assert.Equal(Clicks, next.Spool.Events);
    }

    [Fact]
    public void The_mark_goes_before_anything_can_be_appended()
    {
        using var folder = new TemporaryFolder();
        new TestSpool(folder).Dispose();
        Assert.True(File.Exists(Mark(folder)));

        using (var spool = new TestSpool(folder))
        {
            Assert.False(File.Exists(Mark(folder)));
            spool.Append("one");
        }

        Assert.False(File.Exists(Mark(folder)));
    }

    [Fact]
    public async Task The_host_gives_a_stop_the_time_that_draining_may_take()
    {
        await using var edge = await EdgeUnderTest.StartAsync(
            options => options.DrainTimeout = TimeSpan.FromMinutes(2));
        var host = edge.Services.GetRequiredService<IOptions<HostOptions>>().Value;
        Assert.Equal(TimeSpan.FromMinutes(2) + DrainSpool.StopMargin, host.ShutdownTimeout);
    }

    private static string Mark(TemporaryFolder folder) => Path.Combine(folder.Path, EdgeFolder.EmptyMark);

    private static async Task ClickAsync(EdgeUnderTest edge)
    {
        for (var i = 0; i < Clicks; i++)
        {
            Assert.Equal(302, (await edge.GetAsync($"/c/{EdgeUnderTest.Token(ordinal: i)}")).Status);
        }
    }
}

using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using Tracking.Contracts;
using Tracking.RedirectEdge.Events;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.RedirectEdge.Tests.Events;

public sealed class EventSpoolTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void S1_an_event_is_in_the_file_when_its_append_completes()
    {
        using var spool = new TestSpool(_folder);
        spool.Append("first");
        Assert.Equal(["first"], OpenMarkers());
    }

    [Fact]
    public void A_segment_is_sealed_by_age_and_holds_what_was_appended()
    {
        using var spool = new TestSpool(_folder, time: _time);
        spool.Append("a");
        spool.Append("b");
        Assert.False(spool.Spool.DetachDue());

        _time.Advance(spool.Options.SealAfter);
        Assert.True(spool.Spool.DetachDue());
        Assert.Empty(spool.TakeSealed());
        Assert.True(spool.Spool.SealDetached());

        var segment = Assert.Single(spool.TakeSealed());
        Assert.Equal(2, segment.Events);
        Assert.Equal(["a", "b"], spool.Markers(segment));
    }

    [Fact]
    public void A_segment_is_sealed_by_number_of_events()
    {
        using var spool = new TestSpool(_folder, options => options.SegmentEvents = 3, _time);
        for (var i = 0; i < 7; i++)
        {
            spool.Append($"{i}");
        }

        spool.Spool.SealDetached();
        Assert.Equal([3, 3], spool.TakeSealed().Select(segment => segment.Events));
        Assert.Equal(["6"], OpenMarkers());
    }

    [Fact]
    public void A_segment_is_sealed_by_size()
    {
        using var spool = new TestSpool(_folder, options => options.SegmentBytes = 4096, _time);
        for (var i = 0; i < 100; i++)
        {
            spool.Append(new string('x', 200));
        }

        spool.Spool.SealDetached();
        Assert.All(spool.TakeSealed(), segment => Assert.InRange(segment.Bytes, 4096, 4096 + 1200));
    }

    [Fact]
    public void No_segment_is_sealed_by_age_while_the_window_is_full()
    {
        using var spool = new TestSpool(_folder, options => options.InFlightBatches = 1, _time);
        Seal(spool, "a");
        spool.Append("b");
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.False(spool.Spool.DetachDue());

        spool.Spool.Forget(Assert.Single(spool.TakeSealed()));
        Assert.True(spool.Spool.DetachDue());
    }

    [Fact]
    public void S8_a_forgotten_segment_leaves_nothing_behind()
    {
        using var spool = new TestSpool(_folder, time: _time);
        Seal(spool, "a");
        Assert.Equal(1, spool.Spool.Events);

        spool.Spool.Forget(Assert.Single(spool.TakeSealed()));

        Assert.Equal(0, spool.Spool.Events);
        Assert.Equal(0, spool.Spool.Bytes);
        Assert.Empty(Directory.EnumerateFiles(_folder.Spool));
    }

    [Fact]
    public void S9_acknowledged_below_never_passes_a_batch_that_is_still_there()
    {
        using var spool = new TestSpool(_folder, time: _time);
        Seal(spool, "a");
        Seal(spool, "b");
        spool.Append("c");
        var batches = spool.TakeSealed().ToList();
        Assert.Equal(batches[0].Sequence, spool.Spool.AcknowledgedBelow);

        spool.Spool.Forget(batches[1]);
        Assert.Equal(batches[0].Sequence, spool.Spool.AcknowledgedBelow);

        spool.Spool.Forget(batches[0]);
        Assert.Equal(batches[1].Sequence + 1, spool.Spool.AcknowledgedBelow);
        Seal(spool, "d");
        Assert.True(spool.TakeSealed().Min(segment => segment.Sequence) >= batches[1].Sequence + 1);
    }

    [Fact]
    public async Task S2_every_event_of_many_threads_is_written_exactly_once()
    {
        const int Threads = 8;
        const int Each = 2_000;
        using var spool = new TestSpool(_folder, options => options.SegmentEvents = 500);
        using var sealing = new CancellationTokenSource();
        var sealer = Task.Run(
            async () =>
            {
                while (!sealing.IsCancellationRequested)
                {
                    await spool.Spool.WaitForWorkAsync(TimeSpan.FromMilliseconds(1), CancellationToken.None);
                    spool.Spool.DetachDue();
                    spool.Spool.SealDetached();
                }
            },
            TestContext.Current.CancellationToken);

        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(async () =>
        {
            for (var i = 0; i < Each; i++)
            {
                await spool.AppendAsync($"{thread}/{i}");
            }
        })));
        await sealing.CancelAsync();
        await sealer;
        spool.Spool.SealDetached();

        var markers = spool.TakeSealed().SelectMany(spool.Markers).Concat(OpenMarkers()).ToList();
        Assert.Equal(Threads * Each, markers.Count);
        Assert.Equal(Threads * Each, markers.Distinct().Count());
        Assert.Equal(0, spool.Meters["tracking.spool.dropped"]);
    }

    [Fact]
    public async Task S2_events_that_meet_a_busy_disk_are_written_in_one_call_and_complete_after_it()
    {
        using var spool = new TestSpool(_folder);
        using var entered = new SemaphoreSlim(0);
        using var release = new SemaphoreSlim(0);
        var sizes = new List<int>();
        spool.Spool.Write = (handle, bytes, offset) =>
        {
            sizes.Add(bytes.Length);
            if (sizes.Count == 1)
            {
                entered.Release();
                release.Wait();
            }

            RandomAccess.Write(handle, bytes, offset);
        };

        var token = TestContext.Current.CancellationToken;
        var first = Task.Run(() => spool.AppendAsync("first"), token);
        await entered.WaitAsync(token);
        var waiting = Enumerable.Range(0, 10).Select(i => spool.AppendAsync($"{i}")).ToList();
        Assert.All(waiting, task => Assert.False(task.IsCompleted));

        release.Release();
        await first;
        await Task.WhenAll(waiting);
        Assert.Equal(2, sizes.Count);
        Assert.Equal(11, OpenMarkers().Count);
    }

    [Fact]
    public async Task A_busy_spool_writes_the_events_of_queued_requests_together_and_a_quiet_one_at_once()
    {
        using var spool = new TestSpool(_folder);
        var writes = 0;
        spool.Spool.Write = (handle, bytes, offset) =>
        {
            writes++;
            RandomAccess.Write(handle, bytes, offset);
        };

        // One append at a time. Now and then an append tries to share a write and finds no other.
        spool.Spool.Queue = turn => turn.Execute();
        for (var i = 0; i < 1_000; i++)
        {
            await spool.AppendAsync("quiet");
        }

        Assert.Equal(1_000, writes);

        // Many appends at a time: the turn runs behind the requests that the pool has queued.
        var queued = new Queue<IThreadPoolWorkItem>();
        spool.Spool.Queue = queued.Enqueue;
        writes = 0;
        for (var i = 0; i < 100; i++)
        {
            var appends = Enumerable.Range(0, 100).Select(_ => spool.AppendAsync("busy")).ToList();
            while (queued.TryDequeue(out var turn))
            {
                turn.Execute();
            }

            await Task.WhenAll(appends);
        }

        // One write for each round, and one for each append that was written alone in the first round.
        Assert.InRange(writes, 100, 164);
        Assert.Equal(11_000, spool.Spool.Events);
    }

    [Fact]
    public void S3_a_full_spool_drops_and_counts_and_takes_events_again_when_there_is_room()
    {
        using var spool = new TestSpool(
            _folder, options => (options.MaxSpoolBytes, options.SegmentEvents) = (64 << 10, 10), _time);
        for (var i = 0; i < 2_000; i++)
        {
            spool.Append($"{i}");
        }

        spool.Spool.SealDetached();
        var dropped = spool.Meters["tracking.spool.dropped"];
        Assert.InRange(dropped, 1, 1_999);
        Assert.Equal(2_000, spool.Spool.Events + dropped);
        Assert.InRange(spool.Spool.Bytes, 1, 64 << 10);
        Assert.Equal(spool.Spool.Bytes, Directory.EnumerateFiles(_folder.Spool).Sum(file => new FileInfo(file).Length));

        spool.Spool.Forget(spool.TakeSealed().First());
        spool.Append("room again");
        Assert.Equal(dropped, spool.Meters["tracking.spool.dropped"]);
    }

    [Fact]
    public void S3_a_failing_disk_never_fails_an_append_and_loses_only_what_it_refused()
    {
        using var spool = new TestSpool(_folder, time: _time);
        spool.Append("before");
        spool.Spool.Write = (handle, bytes, offset) =>
        {
            // Like a disk that becomes full in the middle of a write.
            RandomAccess.Write(handle, bytes[..(bytes.Length / 2)], offset);
            throw new IOException("No space left on device");
        };
        spool.Append("refused");
        spool.Append("not even tried");
        Assert.False(spool.Spool.IsWritable);
        Assert.Equal(2, spool.Meters["tracking.spool.dropped"]);

        spool.Spool.Write = RandomAccess.Write;
        _time.Advance(TimeSpan.FromSeconds(1));
        spool.Append("after");
        _time.Advance(TimeSpan.FromSeconds(1));
        spool.Spool.DetachDue();
        spool.Spool.SealDetached();
        Assert.True(spool.Spool.IsWritable);
        Assert.Equal(["before", "after"], spool.Markers(Assert.Single(spool.TakeSealed())));
    }

    [Fact]
    public void S3_a_small_file_system_that_is_really_full_costs_events_only()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess || !TryMount(_folder.Path))
        {
            Assert.Skip("Mounting a tmpfs needs root; the injected failure above covers the same path.");
        }

        try
        {
            var spool = new TestSpool(_folder, options => options.SegmentEvents = 100);
            using (spool)
            {
                for (var i = 0; i < 20_000; i++)
                {
                    spool.Append($"{i}");
                }

                spool.Spool.SealDetached();
                Assert.True(spool.Meters["tracking.spool.dropped"] > 0);
                Assert.Equal(20_000, spool.Spool.Events + spool.Meters["tracking.spool.dropped"]);
            }
        }
        finally
        {
            Process.Start("umount", _folder.Path).WaitForExit();
        }
    }

    [Fact]
    public void S4_a_segment_that_cannot_be_sealed_is_not_published_and_tried_again()
    {
        using var spool = new TestSpool(_folder, time: _time);
        spool.Append("a");
        _time.Advance(spool.Options.SealAfter);
        spool.Spool.DetachDue();
        var open = Assert.Single(Directory.EnumerateFiles(_folder.Spool));
        var aside = open + ".aside";
        File.Move(open, aside);

        Assert.False(spool.Spool.SealDetached());
        Assert.Empty(spool.TakeSealed());

        File.Move(aside, open);
        Assert.True(spool.Spool.SealDetached());
        Assert.Equal(["a"], spool.Markers(Assert.Single(spool.TakeSealed())));
    }

    [Fact]
    public void S3_after_closing_events_are_counted_as_dropped()
    {
        using var meters = new TestMeters();
        var spool = new TestSpool(_folder, meters: meters);
        spool.Append("a");
        spool.Spool.Dispose();
        spool.Append("late");
        Assert.Equal(1, meters["tracking.spool.dropped"]);
        spool.Dispose();
    }

    [Fact]
    public void S10_a_folder_belongs_to_one_edge_at_a_time()
    {
        using var spool = new TestSpool(_folder);
        var refused = Assert.Throws<StartUpException>(() => EdgeFolder.Open(_folder.Path));
        Assert.Contains("in use by another edge", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_a_clear_error()
    {
        var file = Path.Combine(_folder.Path, "file");
        File.WriteAllText(file, "");
        var refused = Assert.Throws<StartUpException>(() => EdgeFolder.Open(Path.Combine(file, "edge")));
        Assert.Contains("Tracking__Edge__Folder", refused.Message, StringComparison.Ordinal);
    }

    private static bool TryMount(string path)
    {
        using var mount = Process.Start(new ProcessStartInfo("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", path])
        {
            RedirectStandardError = true,
        })!;
        mount.WaitForExit();
        return mount.ExitCode == 0;
    }

    private void Seal(TestSpool spool, string marker)
    {
        spool.Append(marker);
        _time.Advance(spool.Options.SealAfter);
        Assert.True(spool.Spool.DetachDue());
        Assert.True(spool.Spool.SealDetached());
    }

    private List<string> OpenMarkers()
    {
        var markers = new List<string>();
        foreach (var file in Directory.EnumerateFiles(_folder.Spool, "*.open"))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            var (found, end) = TestSpool.Read(bytes.ToArray());
            Assert.Equal(FrameOutcome.Whole, end);
            markers.AddRange(found);
        }

        return markers;
    }
}

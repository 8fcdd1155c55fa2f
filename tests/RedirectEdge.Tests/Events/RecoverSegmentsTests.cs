using Microsoft.Extensions.Time.Testing;
using Tracking.Contracts;
using Tracking.RedirectEdge.Events;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.RedirectEdge.Tests.Events;

public sealed class RecoverSegmentsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void S5_a_spool_cut_at_every_offset_gives_back_every_whole_record_and_invents_none()
    {
        var expected = Enumerable.Range(0, 4).Select(i => $"click {new string('x', i * 3)}").ToList();
        byte[] bytes;
        using (var spool = new TestSpool(_folder))
        {
            expected.ForEach(marker => spool.Append(marker));
            bytes = ReadOpen(_folder);
        }

        var ends = FrameEnds(bytes);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            using var folder = new TemporaryFolder();
            Directory.CreateDirectory(folder.Spool);
            var path = Path.Combine(folder.Spool, SpoolSegment.OpenFileName(5));
            File.WriteAllBytes(path, bytes[..cut]);

            var recovery = RecoverSegments.Recover(folder.Spool);

            var whole = ends.Count(end => end <= cut);
            if (whole == 0)
            {
                Assert.Empty(recovery.Sealed);
                Assert.Empty(Directory.EnumerateFiles(folder.Spool));
                continue;
            }

            var segment = Assert.Single(recovery.Sealed);
            Assert.Equal((5, whole, (long)ends[whole - 1]), (segment.Sequence, segment.Events, segment.Bytes));
            var kept = File.ReadAllBytes(Path.Combine(folder.Spool, segment.FileName));
            Assert.Equal(bytes[..ends[whole - 1]], kept);
            Assert.Equal(expected[..whole], TestSpool.Read(kept).Markers);
        }
    }

    [Fact]
    public void S5_a_long_segment_cut_at_every_offset_ends_behind_its_last_whole_record()
    {
        byte[] bytes;
        using (var spool = new TestSpool(_folder))
        {
            for (var i = 0; i < 100; i++)
            {
                spool.Append(new string('x', i * 11 % 300));
            }

            bytes = ReadOpen(_folder);
        }

        var ends = FrameEnds(bytes);
        Assert.Equal(100, ends.Count);
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var whole = ends.Count(end => end <= cut);
            Assert.Equal(
                (whole == 0 ? 0 : ends[whole - 1], whole, whole), RecoverSegments.Scan(bytes.AsSpan(0, cut)));
        }
    }

    [Fact]
    public void S5_zeros_behind_the_records_are_cut_as_a_power_cut_leaves_them()
    {
        using (var spool = new TestSpool(_folder))
        {
            spool.Append("a");
        }

        var open = Assert.Single(Directory.EnumerateFiles(_folder.Spool));
        File.WriteAllBytes(open, [.. File.ReadAllBytes(open), .. new byte[4096]]);
        using var next = new TestSpool(_folder);
        Assert.Equal(["a"], next.Markers(Assert.Single(next.TakeSealed())));
    }

    [Fact]
    public void S5_a_damaged_record_between_whole_ones_stays_and_is_counted()
    {
        using (var spool = new TestSpool(_folder))
        {
            spool.Append("a");
            spool.Append("b");
            spool.Append("c");
        }

        var open = Assert.Single(Directory.EnumerateFiles(_folder.Spool));
        var bytes = File.ReadAllBytes(open);
        bytes[FrameEnds(bytes)[1] - 1] ^= 1;
        File.WriteAllBytes(open, bytes);

        using var next = new TestSpool(_folder);
        var segment = Assert.Single(next.TakeSealed());
        Assert.Equal(3, segment.Events);
        Assert.Equal(["a", "c"], next.Markers(segment));
    }

    [Fact]
    public void S5_a_record_hidden_in_a_user_agent_is_never_taken_for_an_event()
    {
        byte[] forged;
        using (var spool = new TestSpool(_folder))
        {
            spool.Append("forged");
            forged = ReadOpen(_folder);
        }

        var hidden = new byte[200];
        forged.CopyTo(hidden.AsSpan(60));
        using var folder = new TemporaryFolder();
        using (var spool = new TestSpool(folder))
        {
            spool.Append("true");
            spool.Spool.Append(new SpoolEvent { Token = TestSpool.Token, UserAgent = hidden });
        }

        var open = Assert.Single(Directory.EnumerateFiles(folder.Spool));
        var bytes = File.ReadAllBytes(open);
        // The outer record's length is lost, and the inner record is whole.
        bytes[FrameEnds(bytes)[0]] = 0xff;
        bytes[FrameEnds(bytes)[0] + 1] = 0xff;
        File.WriteAllBytes(open, bytes);

        using var next = new TestSpool(folder);
        Assert.Equal(["true"], next.Markers(Assert.Single(next.TakeSealed())));
    }

    [Fact]
    public void Sealed_and_open_segments_are_published_in_the_order_of_their_sequence()
    {
        using (var spool = new TestSpool(_folder, options => options.SegmentEvents = 2, _time))
        {
            foreach (var marker in new[] { "1", "2", "3", "4" })
            {
                spool.Append(marker);
            }

            spool.Spool.SealDetached();
            foreach (var marker in new[] { "5", "6", "7" })
            {
                spool.Append(marker);
            }
        }

        using var next = new TestSpool(_folder);
        Assert.Equal(7, next.Spool.Events);
        Assert.Equal(["1", "2", "3", "4", "5", "6", "7"], next.TakeSealed().SelectMany(next.Markers));
    }

    [Fact]
    public void S6_a_sequence_is_never_used_again_whatever_a_power_cut_takes_from_the_spool()
    {
        var published = new Dictionary<long, string>();
        for (var run = 0; run < 40; run++)
        {
            using var spool = new TestSpool(_folder, options => options.SegmentEvents = 1, _time);
            for (var i = 0; i <= run % 5; i++)
            {
                spool.Append($"{run}/{i}");
            }

            spool.Spool.SealDetached();
            foreach (var segment in spool.TakeSealed())
            {
                var content = Assert.Single(spool.Markers(segment));
                Assert.True(published.TryAdd(segment.Sequence, content) || published[segment.Sequence] == content);
                if (run % 2 == 0)
                {
                    spool.Spool.Forget(segment);
                }
            }

            // A power cut: unsynced entries of the spool's folder, or all of them, are lost. Files that were renamed
            // into place and synced (edge-id, sequence) stay.
            if (run % 3 == 0)
            {
                foreach (var file in Directory.EnumerateFiles(_folder.Spool))
                {
                    File.Delete(file);
                }
            }
        }
    }

    [Fact]
    public void S6_a_power_cut_while_a_block_of_sequences_is_being_reserved_leaves_the_old_or_the_new_reservation()
    {
        var used = new HashSet<long>();
        for (var run = 0; run < 5; run++)
        {
            using var folder = EdgeFolder.Open(_folder.Path);
            var sequences = new SequenceReservation(folder);
            for (var i = 0; i < SequenceReservation.Block + 10; i++)
            {
                Assert.True(used.Add(sequences.Take()));
            }

            File.WriteAllBytes(Path.Combine(_folder.Path, "sequence.tmp"), [1, 2, 3]);
        }
    }

    [Fact]
    public void S6_nobody_uses_a_sequence_before_its_reservation_is_on_the_disk()
    {
        using var folder = EdgeFolder.Open(_folder.Path);
        var sequences = new SequenceReservation(folder);
        for (var i = 0; i < (2 * SequenceReservation.Block) + 3; i++)
        {
            var taken = sequences.Take();
            Assert.True(BitConverter.ToInt64(folder.ReadChecked(SequenceReservation.FileName)!) > taken);
        }
    }

    [Fact]
    public void S5_a_copy_taken_in_the_middle_of_a_run_recovers_what_was_appended_by_then()
    {
        using var spool = new TestSpool(_folder, options => options.SegmentEvents = 3, _time);
        for (var i = 0; i < 20; i++)
        {
            spool.Append($"{i}");
            if (i % 4 == 0)
            {
                spool.Spool.SealDetached();
            }

            using var copy = _folder.Copy();
            using var next = new TestSpool(copy);
            Assert.Equal(
                Enumerable.Range(0, i + 1).Select(n => $"{n}"), next.TakeSealed().SelectMany(next.Markers));
        }
    }

    [Fact]
    public void S7_the_edge_id_stays_and_a_new_folder_is_a_new_edge()
    {
        Guid first;
        using (var spool = new TestSpool(_folder))
        {
            first = spool.Spool.EdgeId;
        }

        using var again = new TestSpool(_folder);
        using var otherFolder = new TemporaryFolder();
        using var other = new TestSpool(otherFolder);
        Assert.Equal(first, again.Spool.EdgeId);
        Assert.NotEqual(first, other.Spool.EdgeId);
    }

    [Theory]
    [InlineData("sequence")]
    [InlineData("edge-id")]
    public void S7_events_without_the_files_they_belong_to_are_not_given_another_key(string lost)
    {
        using (var spool = new TestSpool(_folder))
        {
            spool.Append("a");
        }

        File.WriteAllText(Path.Combine(_folder.Path, lost), "x");
        var refused = Assert.Throws<StartUpException>(() => EdgeFolder.Open(_folder.Path));
        Assert.Contains("Put both back", refused.Message, StringComparison.Ordinal);
    }

    private static List<int> FrameEnds(ReadOnlySpan<byte> bytes)
    {
        var ends = new List<int>();
        var at = 0;
        while (EventRecord.ReadFrame(bytes[at..], out _, out var size) != FrameOutcome.Torn)
        {
            at += size;
            ends.Add(at);
        }

        return ends;
    }

    private static byte[] ReadOpen(TemporaryFolder folder)
    {
        using var copy = folder.Copy();
        return File.ReadAllBytes(Assert.Single(Directory.EnumerateFiles(copy.Spool)));
    }
}

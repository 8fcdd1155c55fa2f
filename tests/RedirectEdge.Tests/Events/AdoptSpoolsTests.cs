using Microsoft.Extensions.DependencyInjection;
using Tracking.RedirectEdge.Events;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.RedirectEdge.Tests.Events;

public sealed class AdoptSpoolsTests : IDisposable
{
    private static readonly Action<RedirectEdgeOptions> _impatient = options =>
        (options.SealAfter, options.ResendAfter) = (TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(200));

    private readonly TemporaryFolder _parent = new();

    public void Dispose() => _parent.Dispose();

    [Fact]
    public async Task Orphaned_folders_are_published_as_their_own_edges_and_then_marked_as_empty()
    {
        var first = Orphan("first", 7);
        var second = Orphan("second", 5);
        var empty = Orphan("third", 0);
        var ingest = new StandInIngest { Lose = batch => batch.Deliveries <= 1 };
        await using var edge = await StartAsync(ingest);
        Assert.Equal(302, (await edge.GetAsync($"/c/{EdgeUnderTest.Token()}")).Status);

        await Poll.UntilAsync(
            () => edge.Spool.Events == 0 && ingest.Stored.Count > 2, "the edge's own click is stored");
        await Poll.UntilAsync(
            () => IsMarked("first") && IsMarked("second") && IsMarked("third"), "all folders are marked");
        Assert.Equal(Markers("first", 7), Markers(ingest, first));
        Assert.Equal(Markers("second", 5), Markers(ingest, second));
        Assert.Equal([EdgeUnderTest.UserAgent], Markers(ingest, edge.Spool.EdgeId));
        Assert.DoesNotContain(ingest.Stored, batch => batch.EdgeId == empty);
        Assert.Empty(Directory.EnumerateFiles(In("first", "spool")));
    }

    [Fact]
    public async Task S7_batches_that_were_stored_before_their_edge_died_come_again_under_the_same_key()
    {
        using var folder = new TemporaryFolder();
        var silent = new StandInIngest { Lose = _ => true };
        Guid lost;
        await using (var dying = await EdgeUnderTest.StartAsync(
            options =>
            {
                _impatient(options);
                options.SegmentEvents = 4;
            },
            folder,
            silent.AddTo))
        {
            lost = dying.Spool.EdgeId;
            for (var i = 0; i < 10; i++)
            {
                await dying.GetAsync($"/c/{EdgeUnderTest.Token(ordinal: i)}");
            }

            await Poll.UntilAsync(() => silent.StoredMarkers.Count == 10, "everything is stored");
        }

        Directory.CreateDirectory(_parent.Path);
        using (var copy = folder.Copy())
        {
            Directory.Move(copy.Path, In("lost"));
            Directory.CreateDirectory(copy.Path);
        }

        var ingest = new StandInIngest();
        await using var edge = await StartAsync(ingest);
        await Poll.UntilAsync(() => IsMarked("lost"), "everything is acknowledged again");
        Assert.Equal(
            silent.Stored.Select(batch => (batch.EdgeId, batch.Sequence, Convert.ToHexString(batch.Events))),
            ingest.Stored.Select(batch => (batch.EdgeId, batch.Sequence, Convert.ToHexString(batch.Events))));
        Assert.All(ingest.Stored, batch => Assert.Equal(lost, batch.EdgeId));
    }

    [Fact]
    public async Task An_adopting_edge_that_stops_leaves_the_rest_for_the_next()
    {
        var lost = Orphan("lost", 6);
        await using (await StartAsync(new StandInIngest { Lose = _ => true }))
        {
        }

        Assert.False(IsMarked("lost"));
        var ingest = new StandInIngest();
        await using var next = await StartAsync(ingest);
        await Poll.UntilAsync(() => IsMarked("lost"), "everything is stored");
        Assert.Equal(Markers("lost", 6), Markers(ingest, lost));
    }

    [Fact]
    public async Task S10_what_is_in_use_or_no_edges_folder_or_a_second_copy_is_left_alone()
    {
        using var living = new TestSpool(In("living"));
        living.Append("mine");
        var twin = Orphan("a-lost", 3);
        CopyFiles("a-lost", "b-copy-of-lost");
        Directory.CreateDirectory(In("lost+found"));

        var ingest = new StandInIngest();
        await using var edge = await StartAsync(ingest);
        await Poll.UntilAsync(() => IsMarked("a-lost"), "the lost one is stored");
        Assert.Equal(Markers("a-lost", 3), Markers(ingest, twin));
        Assert.Single(ingest.Stored.Select(batch => batch.EdgeId).Distinct());
        Assert.NotEmpty(Directory.EnumerateFiles(In("b-copy-of-lost", "spool")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(In("lost+found")));
        Assert.Equal(1, living.Spool.Events);
    }

    [Fact]
    public async Task A_copy_of_the_edges_own_folder_stops_the_start()
    {
        using var own = new TemporaryFolder();
        new TestSpool(own).Dispose();
        using (var copy = own.Copy())
        {
            Directory.Move(copy.Path, In("copy"));
            Directory.CreateDirectory(copy.Path);
        }

        var refused = await Assert.ThrowsAsync<StartUpException>(() => StartAsync(new StandInIngest(), own));
        Assert.Contains("a copy of this edge's own folder", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_folder_and_one_that_holds_the_edges_own_are_wrong_settings()
    {
        var missing = await Assert.ThrowsAsync<StartUpException>(() => EdgeUnderTest.StartAsync(
            configureHost: null, adoptFolder: In("missing")));
        Assert.Contains("Tracking__Edge__AdoptFolder", missing.Message, StringComparison.Ordinal);

        var own = new RedirectEdgeOptions { Folder = In("mine"), AdoptFolder = _parent.Path };
        Assert.Contains(own.Validate(new(own)), result => result.MemberNames.Contains("AdoptFolder"));
        own.AdoptFolder = In("min");
        Assert.Empty(own.Validate(new(own)));
    }

    private static IReadOnlyList<string> Markers(string name, int count) =>
        [.. Enumerable.Range(0, count).Select(i => $"{name}-{i}")];

    private static IReadOnlyList<string> Markers(StandInIngest ingest, Guid edge) =>
        [.. ingest.Stored.Where(batch => batch.EdgeId == edge).SelectMany(StandInIngest.Markers)];

    private string In(params string[] names) => Path.Combine([_parent.Path, .. names]);

    private bool IsMarked(string name) => File.Exists(In(name, EdgeFolder.EmptyMark));

    /// <summary>An edge that ended with some segments sealed and one still open.</summary>
    private Guid Orphan(string name, int events)
    {
        using var spool = new TestSpool(In(name), options => options.SegmentEvents = 2);
        foreach (var marker in Markers(name, events))
        {
            spool.Append(marker);
        }

        return spool.Spool.EdgeId;
    }

    private void CopyFiles(string from, string to)
    {
        Directory.CreateDirectory(In(to, "spool"));
        foreach (var file in Directory.EnumerateFiles(In(from), "*", SearchOption.AllDirectories))
        {
            File.Copy(file, In(to, Path.GetRelativePath(In(from), file)));
        }
    }

    private Task<EdgeUnderTest> StartAsync(StandInIngest ingest, TemporaryFolder? own = null) =>
        EdgeUnderTest.StartAsync(_impatient, own, ingest.AddTo, adoptFolder: _parent.Path);
}

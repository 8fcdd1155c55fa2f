using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Links;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Tests.Destinations;

public sealed class LinkLookupTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();
    private readonly EdgeFolder _folder;
    private readonly TestMeters _meters = new();
    private readonly TcpListener _frozen = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _accepted = [];

    public LinkLookupTests()
    {
        _folder = EdgeFolder.Open(_temporary.Path);
        // Accepts connections into its backlog and never answers, like a frozen database.
        _frozen.Start();
    }

    public void Dispose()
    {
        _accepted.ForEach(socket => socket.Dispose());
        _frozen.Dispose();
        _meters.Dispose();
        _folder.Dispose();
        _temporary.Dispose();
    }

    [Fact]
    public async Task A_frozen_database_is_asked_once_for_a_link_however_many_wait_and_given_up_in_time()
    {
        await using var dataSource = Frozen();
        using var links = Lookup(
            dataSource, new RedirectEdgeOptions { LookupTimeout = TimeSpan.FromMilliseconds(300) });
        var key = new LinkKey(new ClusterId(1), new LinkId(1));

        var watch = Stopwatch.StartNew();
        var found = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => links.FindAsync(key)));

        Assert.All(found, result => Assert.Equal(LookupOutcome.Unavailable, result.Outcome));
        Assert.InRange(watch.Elapsed, TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(10));
        Assert.Equal(1, _meters["tracking.links.lookups"]);
        Assert.Equal(1, Connections());
    }

    [Fact]
    public async Task Many_links_at_once_ask_a_frozen_database_no_more_than_the_limit()
    {
        await using var dataSource = Frozen();
        using var links = Lookup(dataSource, new RedirectEdgeOptions
        {
            LookupTimeout = TimeSpan.FromSeconds(2),
            MaxLookups = 4,
        });

        var asking = Enumerable.Range(1, 200)
            .Select(i => links.FindAsync(new LinkKey(new ClusterId(1), new LinkId((ulong)i))))
            .ToList();

        // Counted while all of them wait: the first one that gives up would let another one ask.
        var connections = 0;
        await Poll.UntilAsync(() => (connections += Connections()) >= 4, "four connections");
        Assert.Equal(4, connections);
        var found = await Task.WhenAll(asking);
        Assert.All(found, result => Assert.Equal(LookupOutcome.Unavailable, result.Outcome));
    }

    [Fact]
    public async Task A_link_once_served_is_found_by_the_next_run_without_a_database()
    {
        await using var dataSource = Frozen();
        var key = new LinkKey(new ClusterId(1), new LinkId(1));
        using (var links = Lookup(dataSource, new RedirectEdgeOptions()))
        {
            links.Restore();
            links.Add(key, "https://example.com/");
            links.Compact();
        }

        using var next = Lookup(dataSource, new RedirectEdgeOptions());
        next.Restore();
        Assert.True(next.TryGet(key, out var link));
        Assert.Equal("https://example.com/", link.Url);
    }

    private NpgsqlDataSource Frozen() => NpgsqlDataSource.Create(
        $"Host=127.0.0.1;Port={((IPEndPoint)_frozen.LocalEndpoint).Port};Timeout=30;SSL Mode=Disable");

    private LinkLookup Lookup(NpgsqlDataSource dataSource, RedirectEdgeOptions options) => new(
        dataSource,
        _folder,
        Options.Create(options),
        TimeProvider.System,
        _meters.Edge,
        NullLogger<LinkLookup>.Instance);

    private int Connections()
    {
        var count = 0;
        while (_frozen.Pending())
        {
            // Kept open: a closed connection would let the next one ask.
            _accepted.Add(_frozen.AcceptSocket());
            count++;
        }

        return count;
    }
}

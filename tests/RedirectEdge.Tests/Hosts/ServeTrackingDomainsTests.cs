using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Contracts;
using Tracking.Links;

namespace Tracking.RedirectEdge.Tests.Hosts;

/// <summary>The names and their links that an edge serves from its copy while the database is unavailable.</summary>
public sealed class ServeTrackingDomainsTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private EdgeUnderTest _edge = null!;

    public async ValueTask InitializeAsync() => _edge = await EdgeUnderTest.StartAsync(folder: _folder);

    public async ValueTask DisposeAsync()
    {
        await _edge.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("track.shop.example")]
    [InlineData("TRACK.shop.example.:443")]
    [InlineData("retired.shop.example")]
    [InlineData(EdgeUnderTest.Host)]
    public async Task A_link_is_served_on_the_active_domains_of_its_cluster(string host)
    {
        var answer = await _edge.GetAsync($"/c/{EdgeUnderTest.Token()}", host);
        Assert.Equal((302, EdgeUnderTest.Destination), (answer.Status, answer.Headers["Location"]));
        Assert.Single(_edge.Recorded());
    }

    [Theory]
    [InlineData("pending.shop.example")]
    [InlineData("track.other.example")]
    [InlineData("track.deleted.example")]
    [InlineData("shop.example")]
    [InlineData("192.0.2.1")]
    [InlineData("[2001:db8::1]:80")]
    [InlineData("v-0123456789abcdef.track.localhost")]
    [InlineData("-a.b.example")]
    [InlineData("")]
    public async Task On_a_pending_foreign_or_impossible_name_it_is_the_404_of_every_unknown_page(string host)
    {
        var unknown = (await _edge.GetAsync("/no/such/page")).Fingerprint;
        Assert.Equal(unknown, (await _edge.GetAsync($"/c/{EdgeUnderTest.Token()}", host)).Fingerprint);
        Assert.Empty(_edge.Recorded());
    }

    [Fact]
    public async Task A_name_that_only_the_database_could_tell_is_a_503_while_it_is_away()
    {
        var answer = await _edge.GetAsync($"/c/{EdgeUnderTest.Token()}", "new.shop.example");
        Assert.Equal((503, "5"), (answer.Status, answer.Headers["Retry-After"]));
    }

    [Fact]
    public async Task The_domain_of_a_deleted_cluster_serves_nothing()
    {
        var token = EdgeUnderTest.Token(LinkKind.Open, EdgeUnderTest.OtherCluster);
        Assert.Equal(200, (await _edge.GetAsync($"/o/{token}", "track.other.example")).Status);
        await PublishAsync(EdgeUnderTest.OtherCluster, null, isDeleted: true);
        await Poll.UntilAsync(
            () => _edge.GetAsync($"/o/{token}", "track.other.example").Result.Status == 404, "the cluster is gone");
    }

    [Fact]
    public async Task A_name_that_the_bus_calls_gone_stops_and_no_other_and_not_its_cluster()
    {
        await PublishAsync(EdgeUnderTest.Cluster, "retired.shop.example", isDeleted: false);
        await PublishAsync(EdgeUnderTest.Cluster, "Track.shop.example", isDeleted: true);
        await Poll.UntilAsync(() => StatusOn("track.shop.example") == 503, "the name is gone");

        // A change does not end a name: served names are still served.
        Assert.Equal(302, StatusOn("retired.shop.example"));
        Assert.Equal(302, StatusOn(EdgeUnderTest.Host));

        // This also holds after a restart while the store is unavailable.
        await _edge.DisposeAsync();
        _edge = await RestartedAsync();
        Assert.Equal(503, StatusOn("track.shop.example"));
        Assert.Equal(302, StatusOn("retired.shop.example"));
    }

    // Announces like another process: the bus keeps its log in the execution context that started it.
    private Task<EdgeUnderTest> RestartedAsync()
    {
        using (ExecutionContext.SuppressFlow())
        {
            return Task.Run(() => EdgeUnderTest.StartAsync(folder: _folder, withCopies: false));
        }
    }

    private int StatusOn(string host) => _edge.GetAsync($"/c/{EdgeUnderTest.Token()}", host).Result.Status;

    private Task PublishAsync(ClusterId cluster, string? hostname, bool isDeleted) =>
        _edge.Services.GetRequiredService<IBus>().Publish(
            new DirectoryChanged
            {
                Id = Guid.CreateVersion7(),
                Cluster = cluster.Value,
                Hostname = hostname,
                IsDeleted = isDeleted,
            },
            TestContext.Current.CancellationToken);
}

using Microsoft.Extensions.DependencyInjection;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.Links;
using Tracking.RedirectEdge.Hosts;

namespace Tracking.RedirectEdge.Tests.Events;

public sealed class ApplyPrivacyTests
{
    // The later, the stricter.
    private static readonly TrackingLevel[] _levels =
        [TrackingLevel.Full, TrackingLevel.Pseudonymous, TrackingLevel.Anonymous, TrackingLevel.Off];

    [Fact]
    public void Levels_and_address_policies_only_ever_restrict_in_every_combination_and_order()
    {
        foreach (var address in Enum.GetValues<AddressPolicy>())
        {
            foreach (var cluster in _levels)
            {
                foreach (var message in _levels)
                {
                    foreach (var wish in _levels)
                    {
                        var policy = ClusterPolicy.From(new ClusterSettings
                        {
                            AddressPolicy = address,
                            TrackingLevel = cluster,
                        });
                        var inForce = policy.Under(message).Under(wish);
                        Assert.Equal(policy.Under(wish).Under(message), inForce);
                        Assert.Equal(inForce, inForce.Under(message).Under(wish).Under(cluster));
                        var strictest = new[] { cluster, message, wish }.MaxBy(Strictness);
                        Assert.Equal(strictest is TrackingLevel.Anonymous or TrackingLevel.Off, inForce.IsAnonymous);
                        Assert.True(Kept(inForce) <= Kept(policy), $"{address} {cluster} {message} {wish}");
                        Assert.True(Kept(inForce) <= Most(strictest), $"{address} {cluster} {message} {wish}");
                    }
                }
            }
        }
    }

    [Fact]
    public async Task What_may_not_be_kept_is_not_in_the_spool()
    {
        foreach (var wish in (TrackingLevel[])[TrackingLevel.Full, TrackingLevel.Pseudonymous, TrackingLevel.Off])
        {
            foreach (var level in _levels)
            {
                foreach (var header in (string[])["", "Sec-GPC: 1\r\n", "Sec-GPC: 0\r\n"])
                {
                    await using var edge = await EdgeUnderTest.StartAsync(
                        options => options.GlobalPrivacyControl = wish);
                    var token = new LinkToken(
                        EdgeUnderTest.Cluster, EdgeUnderTest.Message, EdgeUnderTest.Link, 5, LinkKind.Click, (int)level)
                        .ToString(EdgeUnderTest.Key);
                    Assert.Equal(302, (await edge.GetAsync($"/c/{token}", headers: header)).Status);

                    var recorded = Assert.Single(edge.Recorded());
                    Assert.Equal(5, recorded.Ordinal);
                    var isWished = header.EndsWith("1\r\n", StringComparison.Ordinal);
                    var strictest = isWished && Strictness(wish) > Strictness(level) ? wish : level;
                    Assert.Equal(
                        strictest switch
                        {
                            TrackingLevel.Full => "127.0.0.1",
                            TrackingLevel.Pseudonymous => "127.0.0.0",
                            _ => null,
                        },
                        recorded.Client?.ToString());
                    Assert.Equal(
                        strictest is TrackingLevel.Anonymous or TrackingLevel.Off ? "" : EdgeUnderTest.UserAgent,
                        recorded.UserAgent);
                }
            }
        }
    }

    [Fact]
    public async Task Where_the_policy_of_a_cluster_is_not_known_nothing_personal_is_kept()
    {
        await using var edge = await EdgeUnderTest.StartAsync();
        var hosts = edge.Services.GetRequiredService<HostDirectory>();
        Assert.Equal(EdgeUnderTest.Keeps, hosts.PolicyOf(EdgeUnderTest.Cluster));
        Assert.Same(ClusterPolicy.Strictest, hosts.PolicyOf(EdgeUnderTest.NewCluster));
    }

    [Fact]
    public void The_copy_of_clusters_keeps_their_policies()
    {
        var clusters = Enum.GetValues<AddressPolicy>()
            .SelectMany(address => new[] { false, true }.Select(anonymous => new ClusterPolicy(address, anonymous, 0)))
            .Select((policy, index) => (new ClusterId(index + 1), policy))
            .ToArray();
        var (read, _) = DirectoryCopy.Decode(DirectoryCopy.Encode(clusters, []));
        Assert.Equal(clusters, read.Select(entry => (entry.Key, entry.Value)));
    }

    private static int Strictness(TrackingLevel level) => Array.IndexOf(_levels, level);

    // How much is kept, as a number: address (none, network, whole) and user agent.
    private static (int Address, bool Agent) Amount(ClusterPolicy policy) => policy.IsAnonymous
        ? (0, false)
        : (policy.Address switch { AddressPolicy.None => 0, AddressPolicy.Truncated => 1, _ => 2 }, true);

    private static int Kept(ClusterPolicy policy) => Amount(policy) is var (address, agent) && agent ? 1 + address : 0;

    private static int Most(TrackingLevel level) => level switch
    {
        TrackingLevel.Full => 3,
        TrackingLevel.Pseudonymous => 2,
        _ => 0,
    };
}

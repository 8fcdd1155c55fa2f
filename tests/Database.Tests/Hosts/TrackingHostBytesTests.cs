using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Links;

namespace Tracking.Database.Tests.Hosts;

/// <summary>Tracking domains as bytes, which processes of two versions share during an upgrade.</summary>
public sealed class TrackingHostBytesTests
{
    [Theory]
    [InlineData("")]
    [InlineData("utm_source=news&utm_campaign=Frühling")]
    public void What_is_written_is_read(string utm)
    {
        var host = new TrackingHost("track.shop.example", new ClusterId(7), DomainStatus.Active)
        {
            Utm = utm,
            TrackingLevel = TrackingLevel.Anonymous,
            ExcludedDomains = ["a.example", "b.example/c"],
        };
        var bytes = TrackingHostBytes.Encode(host.Hostname, host);
        Assert.True(TrackingHostBytes.TryDecode(bytes, 0, out var name, out var read));
        Assert.Equal(host.Hostname, name);
        Assert.True(TrackingHost.AreSame(host, read));
        Assert.Equal(utm, read!.Utm);
        Assert.False(TrackingHostBytes.TryDecode(bytes[..^1], 0, out _, out _));
    }

    [Fact]
    public void A_domain_without_utm_parameters_is_written_as_the_version_before_reads_it()
    {
        var host = new TrackingHost("track.shop.example", new ClusterId(7), DomainStatus.Active);
        Assert.Equal(1, TrackingHostBytes.Encode(host.Hostname, host)[0]);
        Assert.Equal(1, TrackingHostBytes.Encode(host.Hostname, null)[0]);
    }

    [Fact]
    public void Other_utm_parameters_are_another_domain() => Assert.False(TrackingHost.AreSame(
        new TrackingHost("track.shop.example", new ClusterId(7), DomainStatus.Active),
        new TrackingHost("track.shop.example", new ClusterId(7), DomainStatus.Active) { Utm = "off" }));
}

using System.Text;

namespace Tracking.Links.Tests;

/// <summary>Sets of hosts and of paths below them.</summary>
public sealed class HostSetsTests
{
    [Theory]
    [InlineData("example.com", "https://example.com/x", true)]
    [InlineData("example.com", "https://www.example.com/x", false)]
    [InlineData("*.example.com", "https://www.example.com/x", true)]
    [InlineData("*.example.com", "https://example.com/x", false)]
    [InlineData("example.com/", "https://example.com/x", true)]
    [InlineData("example.com/*", "https://example.com/x", true)]
    [InlineData("example.com/account", "https://example.com/account", true)]
    [InlineData("example.com/account", "https://example.com/account/x?y#z", true)]
    [InlineData("example.com/account", "https://EXAMPLE.com.:443/account?y", true)]
    [InlineData("example.com/account", "https://example.com/accounts", false)]
    [InlineData("example.com/account", "https://example.com/Account", false)]
    [InlineData("example.com/account", "https://example.com", false)]
    [InlineData("example.com/account", "https://example.com/x/../acc%6funt", true)]
    [InlineData("example.com/account", "https://example.com/x/account", false)]
    [InlineData("example.com/account/", "https://example.com/account", false)]
    [InlineData("example.com/account/*", "https://example.com/account/", true)]
    [InlineData("example.com/account/*", "https://example.com/account/x", true)]
    [InlineData("example.com/acc*", "https://example.com/accounts/x", true)]
    [InlineData("*.example.com/account/*", "https://my.example.com/account/x", true)]
    [InlineData("*.example.com/account/*", "https://example.com/account/x", false)]
    [InlineData("bücher.example/straße", "https://xn--bcher-kva.example/stra%c3%9fe/1", true)]
    [InlineData("192.0.2.1/x", "http://192.0.2.1/x", true)]
    [InlineData("example.com/account", "https://other.example/account", false)]
    public void A_pattern_means_a_host_or_a_path_of_it(string pattern, string url, bool means)
    {
        Assert.True(HostSet.Takes(pattern));
        var set = HostSet.Of(pattern, "never.example/never");
        Assert.Equal(
            DestinationOutcome.Accepted, DestinationPolicy.Read(
                Encoding.UTF8.GetBytes(url), null, out var destination));
        var isMeant = set.Contains(destination.Host)
            || (set.HasPathsOf(destination.Host) && set.ContainsPath(destination));
        Assert.Equal(means, isMeant);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/account")]
    [InlineData("https://example.com/account")]
    [InlineData("example.com/a*b")]
    [InlineData("example.com/a?b=c")]
    [InlineData("example.com/a#b")]
    [InlineData("*.*.example.com/a")]
    [InlineData("example.com:443/a")]
    public void What_is_no_pattern_means_nothing(string pattern) => Assert.False(HostSet.Takes(pattern));
}

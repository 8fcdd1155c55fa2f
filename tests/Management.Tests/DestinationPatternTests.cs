using Tracking.Management.Domains;

namespace Tracking.Management.Tests;

public sealed class DestinationPatternTests
{
    [Theory]
    [InlineData("example.com", "example.com")]
    [InlineData(" Shop.EXAMPLE.com. ", "shop.example.com")]
    [InlineData("*.Bücher.example", "*.xn--bcher-kva.example")]
    [InlineData("example.com/", "example.com")]
    [InlineData("Example.com/Account", "example.com/Account")]
    [InlineData("*.example.com/a/b", "*.example.com/a/b")]
    [InlineData("example.com/%C3%A9", "example.com/%C3%A9")]
    [InlineData("", null)]
    [InlineData("/account", null)]
    [InlineData("localhost/a", null)]
    [InlineData("https://example.com", null)]
    [InlineData("example.com//a", null)]
    [InlineData("example.com/a?b", null)]
    [InlineData("example.com/a#b", null)]
    [InlineData("example.com/a b", null)]
    [InlineData("example.com/é", null)]
    [InlineData("example.com/*", "example.com")]
    [InlineData("example.com/acc*", "example.com/acc*")]
    [InlineData("example.com/account/", "example.com/account/")]
    [InlineData("example.com/a*b", null)]
    [InlineData("example.com:8080/a", null)]
    [InlineData("a.*.example.com", null)]
    public void A_destination_is_a_host_and_perhaps_a_path(string text, string? stored) =>
        Assert.Equal(stored, DestinationPattern.Read(text));

    [Fact]
    public void A_path_has_an_end()
    {
        Assert.NotNull(DestinationPattern.Read("example.com/" + new string('a', 499)));
        Assert.Null(DestinationPattern.Read("example.com/" + new string('a', 500)));
    }
}

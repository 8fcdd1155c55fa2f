using Microsoft.Extensions.Options;
using Tracking.Domains;
using Tracking.DomainVerifier.Verification;
using Tracking.Links;

namespace Tracking.DomainVerifier.Tests.Verification;

public sealed class AskParentsTests
{
    [Theory]
    [InlineData("max-age=31536000; includeSubDomains", true)]
    [InlineData("includesubdomains ; MAX-AGE = \"1\"", true)]
    [InlineData("max-age=31536000; includeSubDomains; preload", true)]
    [InlineData("max-age=0; includeSubDomains", false)]
    [InlineData("max-age=-1; includeSubDomains", false)]
    [InlineData("includeSubDomains", false)]
    [InlineData("max-age=31536000", false)]
    [InlineData("max-age=31536000; includeSubDomainsNot", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void A_header_speaks_for_names_below(string? header, bool expected) =>
        Assert.Equal(expected, AskParents.IncludesSubdomains(header));

    [Theory]
    [InlineData("track.example.com", "example.com")]
    [InlineData("a.track.shop.example.co.uk", "track.shop.example.co.uk shop.example.co.uk example.co.uk")]
    [InlineData("track.me.github.io", "me.github.io")]
    [InlineData("example.com", "")]
    public void Parents_end_with_the_registrable_domain(string host, string parents) =>
        Assert.Equal(parents, string.Join(' ', AskParents.Parents(Name(host))));

    [Theory]
    [InlineData("track.example.app", true)]
    [InlineData("track.example.dev", true)]
    [InlineData("track.app.example", false)]
    public async Task A_top_level_domain_on_the_list_of_browsers_is_found_without_asking(string host, bool isForced)
    {
        var asked = new List<string>();
        var finding = await Ask((name, _) =>
        {
            asked.Add(name.Value);
            return Task.FromResult<string?>(null);
        }).RunAsync(Name(host), hasHttpLinks: false, TestContext.Current.CancellationToken);

        Assert.Equal(isForced, finding?.Code == FindingCode.HttpsForcedByParent);
        Assert.Equal(isForced, asked.Count == 0);
    }

    [Fact]
    public async Task A_site_that_does_not_answer_in_time_says_nothing()
    {
        var finding = await Ask(async (_, cancellation) =>
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return "max-age=1; includeSubDomains";
        }).RunAsync(Name("track.example.com"), hasHttpLinks: true, TestContext.Current.CancellationToken);

        Assert.Null(finding);
    }

    private static AskParents Ask(ReadTransportSecurity read) => new(
        read,
        Options.Create(new VerifierOptions { ParentTimeout = TimeSpan.FromMilliseconds(50) }),
        TimeProvider.System);

    private static HostName Name(string text) =>
        HostName.TryParse(text, out var name) ? name : throw new ArgumentException(text);
}

using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Tracking.Gateway;
using Tracking.Gateway.Routing;
using Yarp.ReverseProxy.Configuration;

namespace Tracking.Functional.Tests.Gateway;

/// <summary>Every copy behind a service's name gets requests.</summary>
public sealed class FindCopiesTests
{
    [Fact]
    public async Task Each_address_of_a_name_is_a_copy_and_the_name_is_looked_up_again()
    {
        var copies = Find(host => Task.FromResult<IPAddress[]>(
            host == "edges" ? [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("2001:db8::2")] : []));
        var found = await copies.ResolveDestinationsAsync(
            Destinations("http://edges:8080/", "http://10.0.0.9:8102/"), TestContext.Current.CancellationToken);
        Assert.Equal(
            ["http://10.0.0.1:8080/", "http://10.0.0.9:8102/", "http://[2001:db8::2]:8080/"],
            found.Destinations.Values.Select(copy => copy.Address).Order());
        Assert.NotNull(found.ChangeToken);
        Assert.Equal(3, found.Destinations.Count);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8102/")]
    [InlineData("http://[::1]:8102/")]
    [InlineData("http://localhost:8102/")]
    [InlineData("https://edges:8102/")]
    public async Task A_single_copy_is_kept_as_it_is_and_not_looked_up(string address)
    {
        var copies = Find(_ => throw new InvalidOperationException("Asked."));
        var found = await copies.ResolveDestinationsAsync(
            Destinations(address), TestContext.Current.CancellationToken);
        Assert.Equal(address, Assert.Single(found.Destinations.Values).Address);
        Assert.Null(found.ChangeToken);
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_is_asked_as_it_is_and_looked_up_again()
    {
        foreach (var find in (Func<string, Task<IPAddress[]>>[])[
            _ => throw new SocketException((int)SocketError.HostNotFound),
            _ => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.TryAgain)),
            _ => Task.FromResult<IPAddress[]>([])])
        {
            var found = await Find(find).ResolveDestinationsAsync(
                Destinations("http://edges:8080/"), TestContext.Current.CancellationToken);
            Assert.Equal("http://edges:8080/", Assert.Single(found.Destinations.Values).Address);
            Assert.NotNull(found.ChangeToken);
        }
    }

    private static FindCopies Find(Func<string, Task<IPAddress[]>> find) => new(
        (host, _) => find(host), Options.Create(new GatewayOptions()), TimeProvider.System,
        NullLogger<FindCopies>.Instance);

    private static Dictionary<string, DestinationConfig> Destinations(params string[] addresses) => addresses.Index()
        .ToDictionary(entry => $"{entry.Index}", entry => new DestinationConfig { Address = entry.Item });
}

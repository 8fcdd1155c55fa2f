using System.Net;
using System.Net.NetworkInformation;
using Microsoft.Extensions.Options;

namespace Tracking.Dns.Tests;

public sealed class AddressGuardTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("172.31.0.1")]
    [InlineData("192.0.0.1")]
    [InlineData("192.168.1.1")]
    [InlineData("198.18.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("64:ff9b::a00:1")]
    [InlineData("2001:0:0:1::1")]
    [InlineData("2002:a00:1::1")]
    [InlineData("2001:db8::1")]
    [InlineData("fc00::1")]
    [InlineData("fd12::1")]
    [InlineData("fe80::1")]
    [InlineData("ff02::1")]
    public void An_address_inside_or_of_nobody_is_refused_unless_allowed(string text)
    {
        var address = IPAddress.Parse(text);

        Assert.False(Guard().Allows(address));
        Assert.True(Guard(options => options.AllowPrivateAddresses = true).Allows(address));
    }

    [Theory]
    [InlineData("8.8.8.8")]
    [InlineData("172.32.0.1")]
    [InlineData("100.128.0.1")]
    [InlineData("223.255.255.255")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("2001:4860:4860::8888")]
    [InlineData("2a06:98c1:50::1")]
    public void A_public_address_is_asked(string text) => Assert.True(Guard().Allows(IPAddress.Parse(text)));

    [Fact]
    public void No_address_of_this_machine_is_asked()
    {
        var own = NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .ToList();

        Assert.NotEmpty(own);
        Assert.All(own, address => Assert.False(Guard().Allows(address)));
    }

    private static AddressGuard Guard(Action<DnsOptions>? change = null)
    {
        var options = new DnsOptions();
        change?.Invoke(options);
        return new AddressGuard(Options.Create(options), TimeProvider.System);
    }
}

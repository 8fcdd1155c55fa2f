using System.Net;
using Microsoft.Extensions.Options;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Tests.Webhooks;

/// <summary>Which addresses a tenant may name as a receiver, and to which addresses we connect.</summary>
public sealed class ReceiverAddressTests
{
    [Theory]
    [InlineData("https://example.com/hooks")]
    [InlineData("https://example.com:8443/hooks?key=1")]
    [InlineData("https://Bücher.example/hooks")]
    [InlineData("https://8.8.8.8/")]
    [InlineData("https://[2606:4700::1111]/")]
    public void A_public_address_is_taken(string url) => Assert.Null(Default().Refuse(url, out _));

    [Theory]
    [InlineData("example.com/hooks")]
    [InlineData("ftp://example.com/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://example.com/")]
    [InlineData("https://user:password@example.com/")]
    [InlineData("https://example.com/#part")]
    [InlineData("https://example.com:22/")]
    [InlineData("https://localhost/")]
    [InlineData("https://api.localhost/")]
    [InlineData("https://127.0.0.1/")]
    [InlineData("https://2130706433/")]
    [InlineData("https://017700000001/")]
    [InlineData("https://0x7f.1/")]
    [InlineData("https://127.1/")]
    [InlineData("https://0.0.0.0/")]
    [InlineData("https://[::]/")]
    [InlineData("https://[::1]/")]
    [InlineData("https://10.0.0.1/")]
    [InlineData("https://172.16.0.1/")]
    [InlineData("https://192.168.0.1/")]
    [InlineData("https://100.64.0.1/")]
    [InlineData("https://169.254.169.254/latest/meta-data/")]
    [InlineData("https://[fd00::1]/")]
    [InlineData("https://[fe80::1]/")]
    [InlineData("https://[::ffff:10.0.0.1]/")]
    [InlineData("https://[64:ff9b::10.0.0.1]/")]
    [InlineData("https://[2002:0a00:0001::1]/")]
    public void Anything_else_is_refused_with_words(string url) =>
        Assert.NotEmpty(Default().Refuse(url, out _) ?? "");

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.100.0.1")]
    [InlineData("127.8.8.8")]
    [InlineData("169.254.169.254")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.8")]
    [InlineData("192.0.2.1")]
    [InlineData("192.88.99.1")]
    [InlineData("192.168.1.1")]
    [InlineData("198.19.0.1")]
    [InlineData("198.51.100.1")]
    [InlineData("203.0.113.1")]
    [InlineData("224.0.0.1")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:192.168.0.1")]
    [InlineData("64:ff9b::a00:1")]
    [InlineData("64:ff9b:1::1")]
    [InlineData("100::1")]
    [InlineData("2001::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2002:a00:1::")]
    [InlineData("3fff::1")]
    [InlineData("fc00::1")]
    [InlineData("fe80::1")]
    [InlineData("ff02::1")]
    public void An_address_that_is_not_the_public_internets_is_never_connected_to(string address) =>
        Assert.False(Default().Allows(IPAddress.Parse(address)));

    [Fact]
    public void An_operator_may_allow_his_own_network()
    {
        var options = new WebhookOptions { AllowHttp = true, AllowPrivateAddresses = true };
        options.Ports.Add(WebhookOptions.AnyPort);

        Assert.Null(Of(options).Refuse("http://localhost:5000/hooks", out var url));
        Assert.Equal(5000, url!.Port);
        Assert.True(Of(options).Allows(IPAddress.Loopback));
    }

    [Theory]
    [InlineData(443, true)]
    [InlineData(8443, true)]
    [InlineData(80, false)]
    [InlineData(5432, false)]
    public void Ports_are_those_of_https_unless_others_are_given(int port, bool allowed)
    {
        Assert.Equal(allowed, new WebhookOptions().IsPortAllowed(port));
        var own = new WebhookOptions();
        own.Ports.Add(port);
        Assert.True(own.IsPortAllowed(port));
        Assert.False(own.IsPortAllowed(port + 1));
    }

    private static ReceiverAddress Default() => Of(new WebhookOptions());

    private static ReceiverAddress Of(WebhookOptions options) => new(Options.Create(options), TimeProvider.System);
}

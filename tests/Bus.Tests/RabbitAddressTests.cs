using Microsoft.Extensions.Configuration;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Bus.Tests;

public sealed class RabbitAddressTests
{
    [Theory]
    [InlineData(
        "amqp://app:se%2Fcr%40t@broker.example:5673/mail%2Fprod", "app", "se/cr@t", "broker.example", 5673,
        "mail/prod")]
    [InlineData("amqp://app:s@broker.example", "app", "s", "broker.example", 5672, "/")]
    [InlineData("amqp://app:s@broker.example/", "app", "s", "broker.example", 5672, "/")]
    [InlineData("amqp://app:s@broker.example/%2f", "app", "s", "broker.example", 5672, "/")]
    [InlineData("amqps://app:s@broker.example/mail", "app", "s", "broker.example", 5671, "mail")]
    [InlineData("amqp://[::1]:5673/mail", "guest", "guest", "::1", 5673, "mail")]
    public void A_broker_is_read_with_everything_decoded(
        string uri, string user, string password, string host, int port, string virtualHost)
    {
        var parts = Read(uri)!.Parts;
        Assert.Equal(
            (user, password, host, port, virtualHost),
            (parts.UserName, parts.Password, parts.HostName.Trim('[', ']'), parts.Port, parts.VirtualHost));
        Assert.Equal(uri.StartsWith("amqps", StringComparison.Ordinal), parts.Ssl.Enabled);
        Assert.Equal(System.Net.Security.SslPolicyErrors.None, parts.Ssl.AcceptablePolicyErrors);
    }

    [Theory]
    [InlineData("broker.example:5672")]
    [InlineData("http://app:s3cret@broker.example")]
    [InlineData("amqp://app:s3cret@")]
    [InlineData("amqp://app:s3cret@broker.example/one/two")]
    [InlineData("amqp://app:s3cret:s3cret@broker.example")]
    [InlineData("amqp://app:s3cret@broker.example/mail?heartbeat=5")]
    [InlineData("amqp://app:s3cret#@broker.example/mail")]
    [InlineData("host=broker.example;password=s3cret")]
    public void What_is_not_an_amqp_uri_is_refused_in_one_line_without_the_password(string text)
    {
        var refused = Assert.Throws<StartUpException>(() => Read(text));
        Assert.StartsWith("ConnectionStrings__rabbitmq: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains("takes amqp://", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(" ")]
    public void Without_one_the_bus_is_in_memory(string? text) => Assert.Null(Read(text));

    private static RabbitAddress? Read(string? text) => RabbitAddress.Read(new ConfigurationBuilder()
        .AddInMemoryCollection([KeyValuePair.Create("ConnectionStrings:rabbitmq", text)])
        .Build());
}

using System.Text;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Links;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Messages;

/// <summary>UTM parameters of messages: who gives them, and what is registered.</summary>
public sealed class UtmOfMessagesTests
{
    [Theory]
    // cluster | domain | message | request | in force
    [InlineData("", "", null, null, null)]
    [InlineData("utm_source=c&utm_medium=c", "", null, null, "utm_source=c&utm_medium=c")]
    [InlineData("utm_source=c&utm_medium=c", "utm_source=d", null, null, "utm_source=d&utm_medium=c")]
    [InlineData("utm_source=c", "utm_source=d", "utm_source=m&utm_term=m", null, "utm_source=m&utm_term=m")]
    [InlineData("utm_source=c", "", "utm_source=m&utm_term=m", "utm_source=r", "utm_source=r&utm_term=m")]
    [InlineData("utm_source=c", "off", null, null, "")]
    [InlineData("utm_source=c", "utm_source=d", "off", null, "")]
    [InlineData("utm_source=c", "", "off", "utm_source=r", "utm_source=r")]
    [InlineData("utm_source=c", "", "source=m", null, "utm_source=c")]
    [InlineData("what an older version wrote", "", null, null, null)]
    public void Request_message_domain_and_cluster_give_them_in_this_order(
        string cluster, string domain, string? message, string? request, string? expected)
    {
        var host = SomeHosts.System with
        {
            Domain = new TrackingHost("track.shop.example", TestKeys.Cluster, DomainStatus.Active) { Utm = domain },
        };
        var inForce = EffectiveSettingsTests.InForce(
            new ClusterSettings { TrackClicks = true, Utm = cluster },
            new MessageMetadata { Utm = request is null ? null : UtmParameters.TryParse(request) },
            Encoding.ASCII.GetBytes((message is null ? "" : $"X-Tracking-Utm: {message}\r\n") + "Subject: x\r\n\r\n"),
            host);
        Assert.Equal(expected, inForce.Utm is null ? null : Written(inForce.Utm));
        Assert.Equal(message == "source=m" ? 1 : 0, inForce.IgnoredHeaders.Count);
    }

    [Fact]
    public void A_requests_value_that_is_none_is_refused_with_what_would_be_right()
    {
        Assert.Null(MessageMetadata.Read(name => name == "tracking-utm" ? "source=x" : null, out var problem));
        Assert.Equal("tracking-utm", problem!.Header);
        Assert.Contains("utm_source=newsletter&utm_medium=email", problem.Takes, StringComparison.Ordinal);
        Assert.NotNull(MessageMetadata.Read(name => name == "tracking-utm" ? "off" : null, out _)!.Utm);
    }

    [Fact]
    public void A_folded_header_is_read()
    {
        var own = ReadControlHeaders.From(MessageHeader.Read(
            "X-Tracking-Utm: utm_source=news&\r\n utm_campaign=spring\r\n\r\n"u8.ToArray()));
        Assert.Equal("utm_source=news&utm_campaign=spring", own.Utm!.ToString());
    }

    private static string Written(UtmParameters parameters)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        return parameters.TryAdd("https://a.example/"u8, output)
            ? Encoding.ASCII.GetString(output.WrittenSpan)["https://a.example/?".Length..]
            : "";
    }
}

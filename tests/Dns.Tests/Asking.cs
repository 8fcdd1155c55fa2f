using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace Tracking.Dns.Tests;

/// <summary>The client as the tests use it: loopback allowed, time-outs short.</summary>
internal static class Asking
{
    public static readonly DnsQuestion Question = new(Name("track.shop.example"), DnsType.A);

    /// <summary>Whether this machine has the loopback address of IPv6; some containers have not.</summary>
    public static bool HasIPv6 { get; } = CanBind();

    public static DnsName Name(string text) =>
        DnsName.TryParse(text, out var name) ? name : throw new ArgumentException("No name.", nameof(text));

    public static IOptions<DnsOptions> Options(Action<DnsOptions>? change = null)
    {
        var options = new DnsOptions
        {
            AllowPrivateAddresses = true,
            QueryTimeout = TimeSpan.FromSeconds(20),
            SendAgainAfter = TimeSpan.FromSeconds(10),
        };
        change?.Invoke(options);
        return Microsoft.Extensions.Options.Options.Create(options);
    }

    public static Task<DnsReply> AskAsync(
        IPEndPoint server, Action<DnsOptions>? change = null, QueryBudget? budget = null,
        DnsQuestion? question = null) =>
        new AskNameServer(Options(change), TimeProvider.System).AskAsync(
            server, question ?? Question, budget ?? new QueryBudget(100), TestContext.Current.CancellationToken);

    /// <summary>What is said of a name server of IPv6 where there is no IPv6.</summary>
    public static async Task<DnsFailure> WithoutIPv6Async() =>
        (await AskAsync(new IPEndPoint(IPAddress.Parse("2001:db8::1"), 53), Short)).Failure;

    private static bool CanBind()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Waits no longer than a test can.</summary>
    public static void Short(DnsOptions options) =>
        (options.QueryTimeout, options.SendAgainAfter) =
            (TimeSpan.FromMilliseconds(400), TimeSpan.FromMilliseconds(150));
}

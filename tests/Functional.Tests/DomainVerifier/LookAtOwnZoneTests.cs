using System.Net;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Dns;
using Tracking.DomainVerifier;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Servers;

namespace Tracking.Functional.Tests.DomainVerifier;

/// <summary>The verifier's check of its own zone at start, with a real name server.</summary>
public sealed class LookAtOwnZoneTests : IAsyncLifetime
{
    private readonly TestKnot _knot = new TestKnot(new IPEndPoint(IPAddress.Loopback, FreePort.Take(1)[0]))
        .Add("op.net", "@ NS ns1\nns1 A 127.0.0.1\n*.track A 127.0.0.1\n*.proxied A 104.16.1.1");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _knot.StartAsync(Cancelled);

    public ValueTask DisposeAsync() => _knot.DisposeAsync();

    [Theory]
    [InlineData("track.op.net", null)]
    [InlineData("track.localhost", null)]
    [InlineData("other.op.net", "The name *.other.op.net has no address")]
    [InlineData("proxied.op.net", "The name *.proxied.op.net has addresses of Cloudflare's proxy (104.16.1.1)")]
    public async Task A_zone_whose_targets_lead_nowhere_is_one_warning(string zone, string? warning)
    {
        var log = await LookAsync(zone, _knot.EndPoint);

        if (warning is null)
        {
            Assert.Empty(log.Lines);
        }
        else
        {
            Assert.StartsWith(warning, Assert.Single(log.Lines), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_a_resolver_the_check_of_the_zone_logs_that_and_ends()
    {
        var log = await LookAsync("track.op.net", new IPEndPoint(IPAddress.Loopback, FreePort.Take(1)[0]));

        Assert.StartsWith(
            "No DNS resolver answers, so it is unknown whether *.track.op.net has the addresses",
            Assert.Single(log.Lines),
            StringComparison.Ordinal);
    }

    private static async Task<KeptLog<LookAtOwnZone>> LookAsync(string zone, IPEndPoint resolver)
    {
        var dns = new DnsOptions { QueryTimeout = TimeSpan.FromSeconds(20) };
        dns.Resolvers.Add(resolver.ToString());
        var options = Options.Create(dns);
        var log = new KeptLog<LookAtOwnZone>();
        using var look = new LookAtOwnZone(
            new AskResolver(options, new AskNameServer(options, TimeProvider.System), TimeProvider.System),
            Options.Create(new SystemOptions { SystemHost = "links.op.net", SystemZone = zone }),
            log);
        await look.RunAsync(Cancelled);
        return log;
    }
}

using System.Net;
using Microsoft.Extensions.Options;
using Tracking.Dns;
using Tracking.Domains;
using Tracking.DomainVerifier.Verification;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Dns;

/// <summary>
/// Two Knot servers with the zones of the cases, and an Unbound that validates signatures. The second Knot serves an
/// older state of some zones. <c>bogus.example</c> is signed with another key than the trusted one.
/// </summary>
public sealed class DnsLab : IAsyncLifetime
{
    public const string Target = "v-7k2.t.operator.example";

    private readonly TestKnot _first;
    private readonly TestKnot _second;
    private readonly TestUnbound _unbound = new();

    public DnsLab()
    {
        var port = FreePort.Take(1)[0];
        _first = new TestKnot(new IPEndPoint(IPAddress.Parse("127.0.0.11"), port));
        _second = new TestKnot(new IPEndPoint(IPAddress.Parse("127.0.0.12"), port));
        const string two = "@ NS ns1\n@ NS ns2\nns1 A 127.0.0.11\nns2 A 127.0.0.12\n";
        const string one = "@ NS ns1\nns1 A 127.0.0.11\n";
        const string shop = two
            + $"""
               track CNAME {Target}.
               other CNAME v-other.t.operator.example.
               scheme CNAME https\://{Target}/.
               appended CNAME {Target}
               doubled.shop.example CNAME {Target}.
               address A 192.0.2.9
               flat A 203.0.113.7
               proxied A 104.16.1.1
               loop CNAME loop2
               loop2 CNAME loop
               moved DNAME agency.example.
               *.wild CNAME {Target}.
               *.full A 192.0.2.9
               many A 192.0.2.1

               """;
        _first
            .Add(".", one + "example NS ns1\n")
            .Add("example", one
                + "shop NS ns1.shop\nshop NS ns2.shop\nns1.shop A 127.0.0.11\nns2.shop A 127.0.0.12\n"
                + "deep NS ns2.deep\nns2.deep A 127.0.0.12\n")
            .Add("operator.example", one + "*.t A 203.0.113.7\n*.t CAA 0 issue \"letsencrypt.org\"\n"
                + "@ CAA 0 issue \"never.example\"\n")
            .Add("shop.example", shop + $"half CNAME {Target}.\n")
            .Add("agency.example", one + $"track CNAME {Target}.\n")
            .Add("lame.example", two + $"track CNAME {Target}.\n")
            .Add("large.example", one + string.Concat(Enumerable.Range(1, 200).Select(i => $"many A 192.0.2.{i}\n"))
                + "a\\.b A 192.0.2.1\nten AAAA 2001:db8::1\n@ CAA 0 issue \";\"\n")
            .Add("signed.example", one + $"track CNAME {Target}.\n", isSigned: true)
            .Add("bogus.example", one + $"track CNAME {Target}.\n", isSigned: true);
        _second
            .Add("shop.example", shop)
            .Add("deep.example", $"@ NS ns2\nns2 A 127.0.0.12\ntrack CNAME {Target}.\n");
    }

    public IPEndPoint First => _first.EndPoint;

    public IOptions<DnsOptions> Options { get; private set; } = null!;

    public AskNameServer NameServer { get; private set; } = null!;

    public AskResolver Resolver { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await Task.WhenAll(_first.StartAsync(cancellationToken), _second.StartAsync(cancellationToken));
        var signed = await _first.DelegationSignerAsync("signed.example.", cancellationToken);
        await _unbound
            .Ask(".", _first.EndPoint)
            .Ask("example", _first.EndPoint)
            .Ask("operator.example", _first.EndPoint)
            .Ask("shop.example", _first.EndPoint, _second.EndPoint)
            .Ask("agency.example", _first.EndPoint)
            .Ask("lame.example", _first.EndPoint)
            .Ask("large.example", _first.EndPoint)
            .Ask("signed.example", _first.EndPoint)
            .Ask("bogus.example", _first.EndPoint)
            .Ask("deep.example", _second.EndPoint)
            .Trust(signed)
            .Trust(signed.Replace("signed.example", "bogus.example", StringComparison.Ordinal))
            .StartAsync(cancellationToken);

        var options = new DnsOptions { AllowPrivateAddresses = true, NameServerPort = _first.EndPoint.Port };
        options.Resolvers.Add(_unbound.EndPoint.ToString());
        Options = Microsoft.Extensions.Options.Options.Create(options);
        NameServer = new AskNameServer(Options, TimeProvider.System);
        Resolver = new AskResolver(Options, NameServer, TimeProvider.System);
    }

    public static HostName Host(string name) =>
        HostName.TryParse(name, out var host) ? host : throw new ArgumentException("No host name.", nameof(name));

    public static DnsName Name(string text) =>
        DnsName.TryParse(text, out var name) ? name : throw new ArgumentException("No name.", nameof(text));

    public Task<DomainDiagnosis> CheckAsync(string host) =>
        new VerificationWalk(
                Options, NameServer, Resolver,
                new FindNameServers(Options, Resolver, new AddressGuard(Options, TimeProvider.System)),
                TimeProvider.System)
            .RunAsync(Host(host), Host(Target), TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _unbound.DisposeAsync();
        await _first.DisposeAsync();
        await _second.DisposeAsync();
    }
}

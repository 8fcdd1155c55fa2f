using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>The metrics of certificates and of the operator's own hosts.</summary>
public sealed class TelemetryTests(TestPostgres server)
{
    private const string Own = "links.probe.example";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Metrics_show_the_life_of_the_certificate_that_expires_first_and_names_by_state()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        database.Authorities[0].Lifetime = TimeSpan.FromDays(40);
        await database.AddAsync("track.a.example.com");
        await database.AddAsync("track.b.example.com");
        await database.AddAsync("track.c.example.com");
        database.Authorities[0].RefusedNames["track.c.example.com"] =
            new AcmeAuthority.RefusalException(400, "connection", "no");
        var issuer = database.Start(settings: ("Tracking:SystemHost", Own));
        await issuer.LookAsync(Cancelled);

        var figures = await issuer.MeasureAsync(Cancelled);

        Assert.Equal(2, figures["tracking.certificates.names customers valid"]);
        Assert.Equal(1, figures["tracking.certificates.names customers failing"]);
        Assert.Equal(0, figures["tracking.certificates.names customers queued"]);
        Assert.Equal(1, figures["tracking.certificates.names own valid"]);
        Assert.InRange(figures["tracking.certificates.share.left.min customers"], 0.99, 1);

        // The time is three quarters of the certificate's life later.
        var later = database.Start(TimeSpan.FromDays(30), ("Tracking:SystemHost", Own));
        figures = await later.MeasureAsync(Cancelled);
        Assert.InRange(figures["tracking.certificates.share.left.min own"], 0.2, 0.3);
        Assert.InRange(
            figures["tracking.certificates.left.min customers"], TimeSpan.FromDays(9.8).TotalSeconds,
            TimeSpan.FromDays(10.2).TotalSeconds);
        var after = database.Start(TimeSpan.FromDays(41), ("Tracking:SystemHost", Own));
        figures = await after.MeasureAsync(Cancelled);
        Assert.Equal(1, figures["tracking.certificates.names own pending"]);
    }

    [Theory]
    [InlineData(Own, 0, 200, null)]
    [InlineData(Own, 0, 302, null)]
    [InlineData(Own, 0, 502, "it answers \"HTTP/1.1 502\"")]
    [InlineData("other.probe.example", 0, 200, "its certificate is for another name")]
    [InlineData(Own, -40, 200, "its certificate has expired")]
    public async Task An_own_host_is_asked_as_anybody_asks_it(string certified, int days, int status, string? why)
    {
        var ports = FreePort.Take(2);
        await using var dns = new TestKnot(new IPEndPoint(IPAddress.Loopback, ports[0]));
        dns.Add("probe.example", "@ NS ns1\nns1 A 127.0.0.1\nlinks A 127.0.0.1\n");
        await dns.StartAsync(Cancelled);
        using var certificate = Certificate(certified, days);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, ports[1], listen => listen.UseHttps(certificate)));
        await using var web = builder.Build();
        web.Run(context =>
        {
            context.Response.StatusCode = status;
            return Task.CompletedTask;
        });
        await web.StartAsync(Cancelled);
        await using var database = await IssuanceDatabase.CreateAsync(server);
        var issuer = database.Start(settings:
        [
            ("Tracking:SystemHost", Own),
            ("Tracking:Certificates:TlsPort", ports[1].ToString(CultureInfo.InvariantCulture)),
            ("Tracking:Dns:Resolvers:0", dns.EndPoint.ToString()),
            ("Tracking:Dns:QueryTimeout", "00:00:10"),
        ]);

        var failed = await issuer.ProbeAsync(Cancelled);

        Assert.Equal(why is null ? [] : [(Own, $"127.0.0.1: {why}")], failed);
        Assert.Equal(
            why is null ? 0 : 1, (await issuer.MeasureAsync(Cancelled))["tracking.certificates.probe.failed"]);
    }

    private static X509Certificate2 Certificate(string name, int days)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow().AddDays(days);
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
    }
}

using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Dns;
using Tracking.DomainVerifier.Verification;
using Tracking.Links;

namespace Tracking.Functional.Tests.DomainVerifier;

/// <summary>A site over TLS and the requests to it.</summary>
public sealed class FetchTransportSecurityTests
{
    private const string Header = "max-age=31536000; includeSubDomains";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_header_of_a_redirect_counts_and_the_redirect_is_not_followed()
    {
        await using var site = await Site.StartAsync();
        using var fetch = site.Fetch(allowPrivate: true, isTrusted: true);

        Assert.Equal(Header, await fetch.RunAsync(Name("example.com"), Cancelled));
        Assert.Equal("/", Assert.Single(site.Paths));
    }

    [Fact]
    public async Task A_certificate_that_browsers_refuse_means_no_header()
    {
        await using var site = await Site.StartAsync();
        using (var fetch = site.Fetch(allowPrivate: true, isTrusted: false))
        {
            Assert.Null(await fetch.RunAsync(Name("example.com"), Cancelled));
        }

        using var otherName = site.Fetch(allowPrivate: true, isTrusted: true);
        Assert.Null(await otherName.RunAsync(Name("example.org"), Cancelled));
        Assert.Empty(site.Paths);
    }

    [Fact]
    public async Task A_private_address_is_not_connected_to()
    {
        await using var site = await Site.StartAsync();
        using var fetch = site.Fetch(allowPrivate: false, isTrusted: true);

        Assert.Null(await fetch.RunAsync(Name("example.com"), Cancelled));
        Assert.Empty(site.Paths);
    }

    private static HostName Name(string text) =>
        HostName.TryParse(text, out var name) ? name : throw new ArgumentException(text);

    private sealed class Site : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private readonly X509Certificate2 _root;

        private Site(WebApplication app, X509Certificate2 root, List<string> paths) =>
            (_app, _root, Paths) = (app, root, paths);

        public List<string> Paths { get; }

        public static async Task<Site> StartAsync()
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=example.com", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("example.com");
            request.CertificateExtensions.Add(names.Build());
            var now = TimeProvider.System.GetUtcNow();
            var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
            var builder = WebApplication.CreateBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel =>
                kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
            var app = builder.Build();
            var paths = new List<string>();
            app.Run(context =>
            {
                paths.Add(context.Request.Path);
                context.Response.Headers.StrictTransportSecurity = Header;
                context.Response.Redirect("/elsewhere");
                return Task.CompletedTask;
            });
            await app.StartAsync(Cancelled);
            return new Site(app, certificate, paths);
        }

        public FetchTransportSecurity Fetch(bool allowPrivate, bool isTrusted) => new(
            (_, _) => Task.FromResult<IReadOnlyList<IPAddress>>([IPAddress.Loopback]),
            new AddressGuard(
                Options.Create(new DnsOptions { AllowPrivateAddresses = allowPrivate }), TimeProvider.System),
            new Uri(_app.Urls.Single()).Port,
            isTrusted ? [_root] : []);

        public async ValueTask DisposeAsync()
        {
            await _app.StopAsync(CancellationToken.None);
            await _app.DisposeAsync();
            _root.Dispose();
        }
    }
}

using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Dns;
using Tracking.Domains;
using Tracking.DomainVerifier;
using Tracking.DomainVerifier.Verification;
using Tracking.Links;

namespace Tracking.Functional.Tests.DomainVerifier;

/// <summary>Visits of verified names.</summary>
public sealed class VisitNameTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(403, "cloudflare", "error code: 1014", true)]
    [InlineData(409, "cloudflare", "<span class=\"cf-error-code\">1014</span>", true)]
    [InlineData(530, "Cloudflare", "<title>CNAME Cross-User Banned | Error 1014</title>", true)]
    [InlineData(403, "cloudflare", "error code: 1020, Ray ID 9f1014ab", false)]
    [InlineData(403, "nginx", "error code: 1014", false)]
    [InlineData(200, "cloudflare", "1014 shoes", false)]
    public async Task Cloudflare_s_refusal_of_another_account_s_name_is_told_apart(
        int status, string server, string body, bool isRefused)
    {
        await using var site = await Site.StartAsync(async context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Server = server;
            await context.Response.WriteAsync(body, Cancelled);
        });
        using var visit = site.Visit();

        var finding = await visit.RunAsync(Name("track.example.com"), Cancelled);

        Assert.Equal(isRefused, finding is not null);
        if (finding is not null)
        {
            Assert.Equal((FindingCode.TargetProxied, FindingSeverity.Error), (finding.Code, finding.Severity));
            Assert.Contains("operator", finding.NextStep, StringComparison.Ordinal);
            Assert.Equal($"http://track.example.com {status}, error 1014 from Cloudflare", finding.Seen);
        }
    }

    [Fact]
    public async Task A_body_without_end_is_read_at_its_beginning_only()
    {
        await using var site = await Site.StartAsync(async context =>
        {
            context.Response.StatusCode = 403;
            context.Response.Headers.Server = "cloudflare";
            var page = new byte[4096];
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(page, context.RequestAborted);
            }
        });
        using var visit = site.Visit(TimeSpan.FromSeconds(30));

        Assert.Null(await visit.RunAsync(Name("track.example.com"), Cancelled));
    }

    [Fact]
    public async Task A_site_that_does_not_answer_in_time_or_whose_address_is_refused_is_no_finding()
    {
        var visits = 0;
        await using var site = await Site.StartAsync(async context =>
        {
            Interlocked.Increment(ref visits);
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        using (var visit = site.Visit(TimeSpan.FromMilliseconds(50)))
        {
            Assert.Null(await visit.RunAsync(Name("track.example.com"), Cancelled));
        }

        var before = Volatile.Read(ref visits);
        using var guarded = site.Visit(allowPrivate: false);
        using var off = site.Visit(TimeSpan.Zero);
        Assert.Null(await guarded.RunAsync(Name("track.example.com"), Cancelled));
        Assert.Null(await off.RunAsync(Name("track.example.com"), Cancelled));
        Assert.Equal(before, Volatile.Read(ref visits));
    }

    private static HostName Name(string text) =>
        HostName.TryParse(text, out var name) ? name : throw new ArgumentException(text);

    private sealed class Site(WebApplication app) : IAsyncDisposable
    {
        public static async Task<Site> StartAsync(RequestDelegate answer)
        {
            var builder = WebApplication.CreateBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.AddServerHeader = false;
                kestrel.Listen(IPAddress.Loopback, 0);
            });
            var app = builder.Build();
            app.Run(answer);
            await app.StartAsync(Cancelled);
            return new Site(app);
        }

        public VisitName Visit(TimeSpan? longest = null, bool allowPrivate = true) => new(
            (_, _) => Task.FromResult<IReadOnlyList<IPAddress>>([IPAddress.Loopback]),
            new AddressGuard(
                Options.Create(new DnsOptions { AllowPrivateAddresses = allowPrivate }), TimeProvider.System),
            new Uri(app.Urls.Single()).Port,
            Options.Create(new VerifierOptions { VisitTimeout = longest ?? TimeSpan.FromSeconds(60) }),
            TimeProvider.System);

        public async ValueTask DisposeAsync()
        {
            await app.StopAsync(CancellationToken.None);
            await app.DisposeAsync();
        }
    }
}

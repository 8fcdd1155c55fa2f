using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tracking.Database;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.RedirectEdge;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Functional.Tests.SharedCache;

/// <summary>Rewriter and edge in their programs' compositions. Only the configuration connects them.</summary>
public sealed class ComposedServicesTests(TestPostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_mail_is_rewritten_here_and_its_click_redirected_there_without_a_query()
    {
        await using var redis = new TestRedis { Password = "shared-secret" };
        await redis.StartAsync(Cancelled);
        var database = await postgres.CreateDatabaseAsync(Cancelled);
        await using var rewriter = await RewriteHost.StartAsync(
            database, ("ConnectionStrings:redis", redis.ConnectionString));
        var cluster = await rewriter.CreateClusterAsync();
        using var folder = new TemporaryFolder();
        await using var edge = await EdgeAsync(database, redis.ConnectionString, folder.Path);
        using var queries = new CountQueries(edge.Services);
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false })
        {
            BaseAddress = new Uri(edge.Urls.Single()),
        };

        // The timeouts are those of production. After a timeout on a busy machine PostgreSQL answers instead.
        var number = 0;
        await Eventually.HoldsAsync(
            async () =>
            {
                var url = $"https://shop.example/{++number}";
                var before = queries.Count;
                var mail = await rewriter.AcceptedAsync(cluster, Mail.Html($"Number {number}", url));
                var token = Mail.Tokens(mail, rewriter.Services.GetRequiredService<SigningKeyRing>().Current!)[0];
                if (!await IsInRedisAsync(redis, $"tracking:1:link:{cluster}:{token.Link}"))
                {
                    return false;
                }

                using var request = new HttpRequestMessage(HttpMethod.Get, "/c/" + Token(mail));
                request.Headers.Host = "track.localhost";
                using var response = await client.SendAsync(request, Cancelled);
                Assert.Equal(HttpStatusCode.Found, response.StatusCode);
                Assert.Equal(url, response.Headers.Location?.OriginalString);
                return queries.Count == before;
            },
            "a click is redirected without a query",
            Cancelled);

        // The edge has read the directory and has written it to Redis.
        await Eventually.HoldsAsync(
            async () => await redis.CommandAsync(Cancelled, "EXISTS", "tracking:1:host:track.localhost") is 1L,
            "the host is in Redis",
            Cancelled);
        await edge.StopAsync(Cancelled);
    }

    // A rewriter that is connected to Redis writes a new link at once. It never writes the link later.
    private static async Task<bool> IsInRedisAsync(TestRedis redis, string key)
    {
        try
        {
            await Eventually.HoldsAsync(
                async () => await redis.CommandAsync(Cancelled, "EXISTS", key) is 1L,
                "a new link is in Redis",
                Cancelled,
                TimeSpan.FromSeconds(1));
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static string Token(string mail)
    {
        var start = mail.IndexOf("/c/", StringComparison.Ordinal) + 3;
        return mail.Substring(start, LinkToken.Length);
    }

    private static async Task<WebApplication> EdgeAsync(string database, string redis, string folder)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = ServiceLogins.Of(database, "edge"),
            ["ConnectionStrings:redis"] = redis,
            ["Tracking:MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Size]),
            ["Tracking:Edge:Folder"] = folder,
        });
        builder.AddServiceDefaults();
        builder.AddRedirectEdge();
        var edge = builder.Build().MapRedirectEdge();
        await edge.StartAsync(Cancelled);
        return edge;
    }

    /// <summary>Counts the look-ups of one edge in its database.</summary>
    private sealed class CountQueries : IDisposable
    {
        private readonly MeterListener _listener = new();
        private long _count;

        public CountQueries(IServiceProvider services)
        {
            var factory = services.GetRequiredService<IMeterFactory>();
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "tracking.links.lookups" && ReferenceEquals(instrument.Meter.Scope, factory))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref _count, value));
            _listener.Start();
        }

        public long Count => Interlocked.Read(ref _count);

        public void Dispose() => _listener.Dispose();
    }
}

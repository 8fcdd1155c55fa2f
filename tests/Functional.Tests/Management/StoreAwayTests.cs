using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tracking.Api;
using Tracking.Links;
using Tracking.Management;
using Tracking.ServiceDefaults;

namespace Tracking.Functional.Tests.Management;

public sealed class StoreAwayTests
{
    [Fact]
    public async Task Without_a_database_the_API_says_so_and_when_to_come_back()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            // Port 1 on the loopback refuses connections at once.
            ["ConnectionStrings:tracking"] = "Host=127.0.0.1;Port=1;Username=nobody",
        });
        builder.AddServiceDefaults();
        builder.AddManagement();
        builder.Services.AddSingleton(new MasterKey(new byte[MasterKey.Size]));
        await using var app = builder.Build();
        app.MapManagement();
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };

        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ApiKeySecret.Create());
        using var away = await Expect.GetAsync(client, "/api/v1/clusters");
        await Expect.ProblemAsync(away, HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.Equal(TimeSpan.FromSeconds(5), away.Headers.RetryAfter?.Delta);

        // A malformed key is refused without the database.
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "guess");
        using var refused = await Expect.GetAsync(client, "/api/v1/clusters");
        await Expect.ProblemAsync(refused, HttpStatusCode.Unauthorized, "unauthorized");
        await app.StopAsync(TestContext.Current.CancellationToken);
    }
}

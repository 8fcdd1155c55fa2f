using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tracking.Database;
using Tracking.Database.Hosts;
using Tracking.Links;
using Tracking.RedirectEdge;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Functional.Tests.RedirectEdge;

/// <summary>An edge in its program's composition, on its own port.</summary>
internal sealed class EdgeHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpClient _client;

    private EdgeHost(WebApplication app)
    {
        _app = app;
        _client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false })
        {
            BaseAddress = new Uri(app.Urls.Single()),
        };
    }

    public IServiceProvider Services => _app.Services;

    public TrackingHosts Names => Services.GetRequiredService<TrackingHosts>();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <param name="folder">The edge's folder.</param>
    /// <param name="database">The administrator's connection string.</param>
    /// <param name="settings">Further settings.</param>
    /// <remarks>Started without the caller's execution context, because the bus would keep its log in that
    /// context.</remarks>
    public static Task<EdgeHost> StartAsync(
        TemporaryFolder folder, string database, params (string Key, string Value)[] settings)
    {
        var cancelled = Cancelled;
        using (ExecutionContext.SuppressFlow())
        {
            return Task.Run(() => StartAsync(folder.Path, database, settings, cancelled), cancelled);
        }
    }

    /// <summary>A token of this edge's installation.</summary>
    public string Token(ClusterId cluster, LinkId link, MessageKey? message = null) =>
        new LinkToken(cluster, message ?? new MessageKey(1, 2), link, 0, LinkKind.Click)
            .ToString(Services.GetRequiredService<SigningKeyRing>().Current!.Current);

    /// <summary>Requests a path on a host and returns the status.</summary>
    public async Task<int> GetAsync(string host, string path)
    {
        using var response = await SendAsync(host, path);
        return (int)response.StatusCode;
    }

    /// <summary>Requests a path on a host and returns the answer.</summary>
    public async Task<HttpResponseMessage> SendAsync(string host, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Host = host;
        return await _client.SendAsync(request, Cancelled);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private static async Task<EdgeHost> StartAsync(
        string folder, string database, (string Key, string Value)[] settings, CancellationToken cancelled)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:tracking"] = ServiceLogins.Of(database, "edge"),
            ["Tracking:MasterKey"] = Convert.ToBase64String(new byte[MasterKey.Size]),
            ["Tracking:Edge:Folder"] = folder,
            ["Tracking:Edge:DrainTimeout"] = "00:00:00",
        });
        builder.Configuration.AddInMemoryCollection(
            settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        builder.AddServiceDefaults();
        builder.AddRedirectEdge();
        var app = builder.Build().MapRedirectEdge();
        await app.StartAsync(cancelled);
        return new EdgeHost(app);
    }
}

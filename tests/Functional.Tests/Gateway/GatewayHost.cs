using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using Tracking.Gateway;
using Tracking.Servers;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Functional.Tests.Gateway;

/// <summary>A gateway in front of test services, which answer with their name and record the requests.</summary>
internal sealed class GatewayHost : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<WebApplication> _behind = [];
    private readonly ConcurrentDictionary<string, int> _asked = new();
    private readonly ConcurrentDictionary<string, Dictionary<string, StringValues>> _last = new();
    private WebApplication _gateway = null!;

    public HttpClient Client { get; } = new(new SocketsHttpHandler { AllowAutoRedirect = false });

    public IServiceProvider Services => _gateway.Services;

    /// <summary>The number of requests to a service.</summary>
    public int Asked(string service) => _asked.GetValueOrDefault(service);

    /// <summary>The requested paths, of all services.</summary>
    public ConcurrentQueue<string> Paths { get; } = new();

    /// <summary>The headers of a service's last request.</summary>
    public IReadOnlyDictionary<string, StringValues> Last(string service) => _last[service];

    public static Task<GatewayHost> StartAsync(
        IEnumerable<KeyValuePair<string, string>> settings, params string[] services) =>
        StartWithoutAsync([], settings, services);

    /// <summary>Starts a gateway without some of the usual settings.</summary>
    public static async Task<GatewayHost> StartWithoutAsync(
        IEnumerable<string> without, IEnumerable<KeyValuePair<string, string>> settings, params string[] services)
    {
        var host = new GatewayHost();
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        var all = new Dictionary<string, string?>
        {
            // Nothing listens on port 1: the edge in this process starts without its database.
            ["ConnectionStrings:tracking"] = "Host=127.0.0.1;Port=1;Timeout=2",
            ["Tracking:MasterKey"] = Convert.ToBase64String(new byte[32]),
            ["Tracking:SystemHost"] = "track.example.org",
            ["Tracking:Gateway:ApiHosts:0"] = "api.example.org",
        };
        foreach (var service in services)
        {
            all[$"services:{service}:http:0"] = await host.StartServiceAsync(service);
        }

        foreach (var (key, value) in settings)
        {
            all[key] = value;
        }

        foreach (var key in without)
        {
            all.Remove(key);
        }

        if (!all.ContainsKey("Tracking:Gateway:Edge"))
        {
            all["Tracking:Edge:Folder"] = host._folder.In("edge");
        }

        builder.Configuration.AddInMemoryCollection(all);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddServiceDefaults();
        builder.AddGateway();
        host._gateway = builder.Build();
        host._gateway.MapServiceDefaults();
        host._gateway.MapGateway();
        await host._gateway.StartAsync();
        host.Client.BaseAddress = new Uri(host._gateway.Urls.Single());
        return host;
    }

    public async Task<(int Status, string Body)> GetAsync(
        string host, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await SendAsync(host, request);
    }

    public async Task<(int Status, string Body)> SendAsync(string host, HttpRequestMessage request)
    {
        request.Headers.Host = host;
        using var response = await Client.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        foreach (var service in _behind)
        {
            await service.DisposeAsync();
        }

        Client.Dispose();
        _folder.Dispose();
    }

    public async Task<string> StartServiceAsync(string name, int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        builder.AddConnectionLimits();
        builder.AddHttp2WithoutTls();
        var app = builder.Build();
        app.Run(async context =>
        {
            Paths.Enqueue(context.Request.Path);
            _asked.AddOrUpdate(name, 1, (_, count) => count + 1);
            _last[name] = context.Request.Headers.ToDictionary(
                header => header.Key, header => header.Value, StringComparer.OrdinalIgnoreCase);
            using var body = new StreamReader(context.Request.Body);
            await context.Response.WriteAsync(
                $"{name} {context.Request.Host} {context.Request.Path}{await body.ReadToEndAsync()} "
                + $"for {context.Request.Headers["X-Forwarded-For"]}");
        });
        await app.StartAsync();
        _behind.Add(app);
        return app.Urls.Single();
    }
}

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tracking.Api;
using Tracking.Bus;

namespace Tracking.ServiceDefaults.Tests;

/// <summary>A small service with the defaults, the bus and problem details, on a loopback port of its own.</summary>
internal sealed class TestHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestHost(WebApplication app)
    {
        _app = app;
        Client = new() { BaseAddress = new(app.Urls.Single()) };
    }

    public HttpClient Client { get; }

    public IServiceProvider Services => _app.Services;

    public static WebApplicationBuilder CreateBuilder(
        IEnumerable<KeyValuePair<string, string>>? settings = null, string environment = "Production")
    {
        var builder = WebApplication.CreateEmptyBuilder(new()
        {
            ApplicationName = "Tracking.TestHost",
            EnvironmentName = environment,
        });
        builder.Configuration.AddInMemoryCollection(
            (settings ?? []).Select(pair => KeyValuePair.Create(pair.Key, (string?)pair.Value)));
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.SetMinimumLevel(LogLevel.Information);
        builder.AddServiceDefaults();
        builder.AddBus();
        builder.AddProblems();
        return builder;
    }

    public static async Task<TestHost> StartAsync(
        IEnumerable<KeyValuePair<string, string>>? settings = null,
        Action<WebApplicationBuilder>? add = null,
        Action<WebApplication>? map = null,
        string environment = "Production")
    {
        var builder = CreateBuilder(settings, environment);
        // The empty builder has no routing of its own.
        builder.Services.AddRouting();
        add?.Invoke(builder);
        var app = builder.Build();
        app.MapServiceDefaults();
        app.UseProblems();
        map?.Invoke(app);
        await app.StartAsync();
        return new(app);
    }

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
    }
}

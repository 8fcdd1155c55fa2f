using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Tracking.Bus;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.Functional.Tests.Bus;

/// <summary>A process with the service defaults and a few endpoints, on a virtual host of a real RabbitMQ.</summary>
internal sealed class BusHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private BusHost(WebApplication app) => _app = app;

    public IBus Bus => Services.GetRequiredService<IBus>();

    public IServiceProvider Services => _app.Services;

    public static async Task<BusHost> StartAsync(
        TestVirtualHost broker,
        Action<IServiceCollection>? add = null,
        Action<WebApplicationBuilder>? configure = null,
        IReadOnlyDictionary<string, string?>? settings = null,
        ILoggerProvider? log = null)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders().AddProvider(log ?? new TestOutputLog());

        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>(
            settings ?? new Dictionary<string, string?>())
        {
            ["ConnectionStrings:rabbitmq"] = broker.AmqpUri.OriginalString,
        });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddServiceDefaults();
        builder.AddBus();
        add?.Invoke(builder.Services);
        configure?.Invoke(builder);
        var app = builder.Build();
        app.MapServiceDefaults();
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new BusHost(app);
    }

    public Task IsReadyAsync() => Eventually.HoldsAsync(
        async () => await HealthAsync() == HealthStatus.Healthy,
        "the bus is up",
        TestContext.Current.CancellationToken);

    public async Task<HealthStatus> HealthAsync()
    {
        var report = await Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(
            check => check.Name == "masstransit-bus", TestContext.Current.CancellationToken);
        return report.Status;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}

using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Tracking.Database;

namespace Tracking.ServiceDefaults;

/// <summary>What every service has: telemetry, health endpoints, problem details, checked settings, the bus.</summary>
public static class Defaults
{
    /// <summary>Adds the defaults; each has a file of its own beside this one.</summary>
    public static IHostApplicationBuilder AddServiceDefaults(this IHostApplicationBuilder builder)
    {
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddTrackingOptions<SystemOptions>(section: "");
        builder.AddTrackingOptions<DatabaseOptions>(DatabaseOptions.Section);
        builder.AddLogLevels();
        builder.AddTelemetry();
        builder.AddHealth();
        builder.AddProblems();
        builder.AddMessaging();
        builder.AddConnectionLimits();
        builder.AddHttp2WithoutTls();
        builder.AddForwardedHeadersGuard();
        return builder;
    }

    /// <summary>
    /// Maps what the defaults serve, and answers errors with problems from here on down the pipeline. Routing starts
    /// here too: middleware added before it (the edge's branch) pays for none of this.
    /// </summary>
    public static WebApplication MapServiceDefaults(this WebApplication app)
    {
        app.UseProblems();
        app.UseRouting();
        app.MapHealth();
        return app;
    }
}

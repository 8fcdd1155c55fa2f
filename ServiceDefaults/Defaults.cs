using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Tracking.Database;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;
using Tracking.ServiceDefaults.Telemetry;

namespace Tracking.ServiceDefaults;

/// <summary>What every service has: checked settings, telemetry, health endpoints, and how it listens.</summary>
public static class Defaults
{
    /// <summary>Adds the defaults; each has a file of its own in the folders beside this one.</summary>
    public static IHostApplicationBuilder AddServiceDefaults(this IHostApplicationBuilder builder)
    {
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddTrackingOptions<SystemOptions>(section: "");
        builder.AddTrackingOptions<DatabaseOptions>(DatabaseOptions.Section);
        builder.AddLogLevels();
        builder.AddTelemetry();
        builder.AddHealth();
        builder.AddConnectionLimits();
        builder.AddHttp2WithoutTls();
        builder.AddForwardedHeadersGuard();
        return builder;
    }

    /// <summary>
    /// Maps what the defaults serve. Routing starts here: middleware added before it (the edge's branch) pays for none of
    /// this.
    /// </summary>
    public static WebApplication MapServiceDefaults(this WebApplication app)
    {
        app.UseRouting();
        app.MapHealth();
        return app;
    }
}

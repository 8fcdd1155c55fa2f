using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Tracking.Database;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;
using Tracking.ServiceDefaults.Telemetry;

namespace Tracking.ServiceDefaults;

/// <summary>The common parts of every service: checked settings, telemetry, health endpoints, and listening.</summary>
public static class Defaults
{
    /// <summary>Adds the defaults. Each has its own file in the folders beside this one.</summary>
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
    /// Maps the endpoints of the defaults. Routing starts here, so middleware that was added before it (the edge's
    /// branch) does not pay for routing.
    /// </summary>
    public static WebApplication MapServiceDefaults(this WebApplication app)
    {
        app.UseRouting();
        app.MapHealth();
        return app;
    }
}

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Tracking.Database;
using Tracking.Database.Hosts;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.SharedCache;

/// <summary>Adds the look-up of tracking domains by name.</summary>
public static class LookUpTrackingHosts
{
    /// <summary>Adds <see cref="TrackingHosts"/>, over the shared cache if there is one. Every service that looks up
    /// the cluster of a name calls this after <see cref="SharedCacheComposition.AddSharedCache"/>. A second call
    /// changes nothing.</summary>
    public static IHostApplicationBuilder AddTrackingHosts(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        if (services.Any(service => service.ServiceType == typeof(TrackingHosts)))
        {
            return builder;
        }

        builder.AddTrackingOptions<TrackingHostsOptions>(TrackingHostsOptions.Section);
        if (services.Any(service => service.ServiceType == typeof(SharedValues)))
        {
            services.AddSingleton(provider => Over(provider.GetRequiredService<SharedValues>()));
        }

        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddSingleton<TrackingHostsTelemetry>();
        services.AddSingleton<TrackingHosts>();
        services.AddSingleton(provider => new HeedHostChange(provider.GetRequiredService<TrackingHosts>().Heed));
        services.AddSingleton<RefreshTrackingHosts>();
        services.AddHostedService(provider => provider.GetRequiredService<RefreshTrackingHosts>());
        return builder;
    }

    internal static SharedTrackingHosts Over(SharedValues cache) =>
        new(cache.ReadAsync, (key, content, age) => cache.Write(key, content, age));
}

using Microsoft.Extensions.DependencyInjection.Extensions;
using Tracking.Database;
using Tracking.Database.Rights;
using Tracking.ServiceDefaults.Settings;
using Tracking.ServiceDefaults.Telemetry;

namespace Tracking.Migrator;

/// <summary>Prepares the database and ends. Every other service waits for it, or becomes ready afterwards.</summary>
public static class MigratorComposition
{
    /// <summary>Adds the migrator's parts. It has no bus and no endpoints.</summary>
    public static IHostApplicationBuilder AddMigrator(this IHostApplicationBuilder builder)
    {
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddTrackingOptions<SystemOptions>(section: "");
        builder.AddTrackingOptions<MigratorOptions>(MigratorOptions.Section);
        builder.AddLogLevels();
        builder.AddTrackingDatabase();
        builder.AddSigningKeys();
        builder.Services.AddSingleton<GrantServiceRights>();
        builder.Services.AddSingleton<PrepareDatabase>();
        return builder;
    }
}

using Microsoft.Extensions.DependencyInjection.Extensions;
using Tracking.Database;
using Tracking.Database.Rights;
using Tracking.ServiceDefaults.Settings;
using Tracking.ServiceDefaults.Telemetry;

namespace Tracking.Migrator;

/// <summary>Prepares the database and ends; every other service waits for that, or becomes ready afterwards.</summary>
public static class MigratorComposition
{
    /// <summary>Adds what it needs; it has no bus and no endpoints.</summary>
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

using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database.Privacy;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>Adds the database and the caches of its content.</summary>
public static class DatabaseComposition
{
    /// <summary>
    /// Adds the data sources of <c>ConnectionStrings__tracking</c> (that of the mail path, and
    /// <see cref="ApiDataSource"/> with <see cref="TrackingDb"/>), <see cref="Migrator"/> and
    /// <see cref="ClusterDirectory"/>. May be called twice.
    /// </summary>
    public static IHostApplicationBuilder AddTrackingDatabase(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        if (services.Any(service => service.ServiceType == typeof(NpgsqlDataSource)))
        {
            return builder;
        }

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => OpenDataSource.From(
            provider.GetRequiredService<IConfiguration>(),
            provider.GetRequiredService<IOptions<DatabaseOptions>>().Value));
        services.AddSingleton(provider => OpenDataSource.ForApi(
            provider.GetRequiredService<IConfiguration>(),
            provider.GetRequiredService<IOptions<DatabaseOptions>>().Value));
        services.AddDbContextFactory<TrackingDb>((provider, db) =>
            db.UseNpgsql(provider.GetRequiredService<ApiDataSource>().Connections));
        services.AddSingleton<Migrator>();
        services.AddSingleton<ClusterDirectory>();
        services.AddMetrics();
        services.AddSingleton<DirectoryTelemetry>();
        services.AddSingleton<RefreshDirectories>();
        services.AddHostedService(provider => provider.GetRequiredService<RefreshDirectories>());
        return builder;
    }

    /// <summary>Adds the <see cref="MasterKey"/> and <see cref="SigningKeyRing"/>: for services that make or verify
    /// links. May be called twice.</summary>
    public static IHostApplicationBuilder AddSigningKeys(this IHostApplicationBuilder builder)
    {
        builder.Services.TryAddSingleton(provider =>
            OpenMasterKey.From(provider.GetRequiredService<IOptions<SystemOptions>>().Value));
        builder.Services.TryAddSingleton<SigningKeyRing>();
        builder.Services.TryAddSingleton<WithdrawnRecipient>();
        return builder;
    }
}

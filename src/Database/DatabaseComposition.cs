using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Tracking.Database;

/// <summary>Adds the database and what is kept of it in memory.</summary>
public static class DatabaseComposition
{
    /// <summary>
    /// Adds the data sources of <c>ConnectionStrings__tracking</c> (that of the mail path, and
    /// <see cref="ApiDataSource"/> with <see cref="TrackingDb"/>), <see cref="Migrator"/>, <see cref="ClusterDirectory"/>
    /// and <see cref="SigningKeyRing"/>. Every service calls it; calling twice is once.
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
        services.AddSingleton(provider =>
            OpenMasterKey.From(provider.GetRequiredService<IOptions<SystemOptions>>().Value));
        services.AddSingleton<ClusterDirectory>();
        services.AddSingleton<SigningKeyRing>();
        services.AddMetrics();
        services.AddSingleton<DirectoryTelemetry>();
        services.AddSingleton<RefreshDirectories>();
        services.AddHostedService(provider => provider.GetRequiredService<RefreshDirectories>());
        return builder;
    }
}

using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.RedirectEdge.Clicks;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Events;
using Tracking.RedirectEdge.Hosts;
using Tracking.RedirectEdge.Imported;
using Tracking.RedirectEdge.Opens;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;
using Tracking.SharedCache;

namespace Tracking.RedirectEdge;

/// <summary>The edge: serves clicks, opens and <c>Hello.</c>, records them in its spool and publishes them.</summary>
public static class RedirectEdgeComposition
{
    /// <summary>Adds the edge's parts.</summary>
    public static IHostApplicationBuilder AddRedirectEdge(this IHostApplicationBuilder builder)
    {
        builder.AddBus();
        builder.AddTrackingDatabase();
        builder.AddSigningKeys();
        builder.AddSharedCache();
        builder.AddTrackingHosts();
        var services = builder.Services;
        builder.AddTrackingOptions<RedirectEdgeOptions>(RedirectEdgeOptions.Section);
        builder.AddDirectoryChanges();
        builder.LetBusBeAway();

        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddSingleton<EdgeMeters>();
        services.AddSingleton(OpenFolder);

        if (services.Any(service => service.ServiceType == typeof(SharedValues)))
        {
            services.AddSingleton<SharedHosts>();
            services.AddHostedService(provider => provider.GetRequiredService<SharedHosts>());
        }

        services.AddSingleton<HostCopy>();
        services.AddSingleton<HostDirectory>();
        services.AddSingleton<FindNewCluster>();
        services.AddSingleton<LinkLookup>();
        services.AddSingleton<ImportedLinks>();
        services.AddSingleton<FindImported>();
        services.AddHostedService<KeepCopies>();
        services.AddSingleton<KeepRules>();
        services.AddHostedService(provider => provider.GetRequiredService<KeepRules>());
        services.AddSingleton(provider => new HeedRules(provider.GetRequiredService<KeepRules>().RequestNow));
        services.AddSingleton<FindRepair>();
        services.AddSingleton<ServeAppFile>();
        services.AddSingleton(provider => new HeedHostChange(provider.GetRequiredService<ServeAppFile>().Forget));
        services.AddSingleton<LimitInvalidTokens>();

        services.AddSingleton<EventSpool>();
        services.AddSingleton<SendBatch>(provider =>
        {
            var queue = provider.GetRequiredService<SendToQueue>();
            return batch => queue.SendAsync(QueueNames.StoreEvents, batch);
        });
        services.AddSingleton<PublishEvents>();
        services.AddHostedService<SealSegments>();
        services.AddHostedService(provider => provider.GetRequiredService<PublishEvents>());
        builder.AddAdoption();
        // Hosted services stop in reverse order. The services above empty the spool, so they must still run now. The
        // server, which the host registers, stops earlier.
        services.AddHostedService<DrainSpool>();
        services.AddOptions<HostOptions>().PostConfigure<IOptions<RedirectEdgeOptions>>((host, edge) =>
        {
            var needed = edge.Value.DrainTimeout + DrainSpool.StopMargin;
            host.ShutdownTimeout = needed > host.ShutdownTimeout ? needed : host.ShutdownTimeout;
        });
        services.AddSingleton(provider => new BusEndpoint(
            QueueNames.Acknowledgements(provider.GetRequiredService<EdgeFolder>().EdgeId),
            (_, queue) => queue.Handler<EventBatchStored>(stored =>
            {
                // Resolved late, because the publisher needs the bus that is being configured here.
                provider.GetRequiredService<PublishEvents>().Acknowledge(stored.Message);
                return Task.CompletedTask;
            }))
        {
            IsOwned = true,
        });

        services.AddSingleton<ClientAddress>();
        services.AddSingleton<GatewayIds>();
        services.AddSingleton<ApplyPrivacy>();
        services.AddSingleton<RecordEvent>();
        services.AddSingleton<ServeClick>();
        services.AddSingleton<ServePixel>();
        services.AddSingleton<ServeEdge>();
        services.AddSingleton<EdgeRequests>();
        // The first filter is the outermost middleware, outside all middleware that the host adds.
        services.Insert(0, ServiceDescriptor.Transient<IStartupFilter, BranchToEdge>());
        services.AddHealthChecks().AddCheck<EdgeReady>("edge", tags: ["ready"]);

        // Clicks are served from memory, so an unavailable database must not take every edge out of its load balancer.
        // An older schema still does.
        services.PostConfigure<HealthCheckServiceOptions>(options =>
        {
            foreach (var check in options.Registrations.Where(check => check.Name == HealthEndpoints.Database))
            {
                check.FailureStatus = HealthStatus.Degraded;
            }
        });
        return builder;
    }

    /// <summary>Serves only the edge on every port except the health port.</summary>
    public static WebApplication MapRedirectEdge(this WebApplication app)
    {
        var health = app.Services.GetRequiredService<IOptions<RedirectEdgeOptions>>().Value.HealthPort;
        return app.MapRedirectEdge(context => LocalPort(context) != health);
    }

    /// <summary>Serves only the edge on these ports, before every other middleware.</summary>
    /// <param name="app">The host.</param>
    /// <param name="ports">Ports that Kestrel listens on.</param>
    public static WebApplication MapRedirectEdge(this WebApplication app, IReadOnlyList<int> ports)
    {
        int[] own = [.. ports];
        return app.MapRedirectEdge(context => own.AsSpan().Contains(LocalPort(context)));
    }

    /// <summary>Serves the edge for these requests, before every other middleware.</summary>
    /// <param name="app">The host.</param>
    /// <param name="belongsToEdge">Whether a request is for the edge. It runs for each request, so it must be
    /// cheap.</param>
    public static WebApplication MapRedirectEdge(this WebApplication app, Func<HttpContext, bool> belongsToEdge)
    {
        app.Services.GetRequiredService<EdgeRequests>().BelongsToEdge = belongsToEdge;
        return app;
    }

    private static EdgeFolder OpenFolder(IServiceProvider provider)
    {
        var folder = EdgeFolder.Open(provider.GetRequiredService<IOptions<RedirectEdgeOptions>>().Value.Folder);
        try
        {
            provider.GetService<OrphanedFolders>()?.RefuseCopyOf(folder);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    // Runs while the process is composed: the bus accepts no queue after its start, and each folder has its own queue.
    private static void AddAdoption(this IHostApplicationBuilder builder)
    {
        var parent = builder.Configuration[
            $"{CheckedOptions.Root}:{RedirectEdgeOptions.Section}:{nameof(RedirectEdgeOptions.AdoptFolder)}"];
        if (string.IsNullOrWhiteSpace(parent))
        {
            return;
        }

        var orphans = OrphanedFolders.Lock(parent);
        // Registered by a function, so that the container disposes the folders at the end.
        builder.Services.AddSingleton(_ => orphans);
        builder.Services.AddSingleton<AdoptSpools>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<AdoptSpools>());
        foreach (var folder in orphans.Adopted)
        {
            builder.Services.AddSingleton(provider => new BusEndpoint(
                QueueNames.Acknowledgements(folder.EdgeId),
                (_, queue) => queue.Handler<EventBatchStored>(stored =>
                {
                    provider.GetRequiredService<AdoptSpools>().Acknowledge(stored.Message);
                    return Task.CompletedTask;
                })));
        }
    }

    /// <summary>Lets an edge in its own process also listen on its health port, besides the ports of
    /// <c>ASPNETCORE_URLS</c> and <c>ASPNETCORE_HTTP_PORTS</c>.</summary>
    public static WebApplicationBuilder ListenForHealth(this WebApplicationBuilder builder)
    {
        if (builder.Configuration.ReadTrackingOptions<RedirectEdgeOptions>(RedirectEdgeOptions.Section).HealthPort
            is { } port)
        {
            var urls = builder.Configuration[WebHostDefaults.ServerUrlsKey]
                ?? string.Join(';', Urls("http", builder.Configuration[WebHostDefaults.HttpPortsKey])
                    .Concat(Urls("https", builder.Configuration[WebHostDefaults.HttpsPortsKey])));
            var health = $"http://*:{port}";
            builder.WebHost.UseUrls(string.IsNullOrEmpty(urls)
                ? $"http://localhost:5000;{health}"
                : $"{urls};{health}");
        }

        return builder;
    }

    private static IEnumerable<string> Urls(string scheme, string? ports) =>
        (ports ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(port => $"{scheme}://*:{port}");

    private static int LocalPort(HttpContext context) =>
        context.Features.GetRequiredFeature<IHttpConnectionFeature>().LocalPort;

    private sealed class EdgeRequests
    {
        public Func<HttpContext, bool>? BelongsToEdge { get; set; }
    }

    private sealed class BranchToEdge(EdgeRequests requests) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            if (requests.BelongsToEdge is { } belongs)
            {
                var edge = app.ApplicationServices.GetRequiredService<ServeEdge>();
                app.Use(other => context => belongs(context) ? edge.ServeAsync(context) : other(context));
            }

            next(app);
        };
    }
}

using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.RedirectEdge.Clicks;
using Tracking.RedirectEdge.Events;
using Tracking.RedirectEdge.Hosts;
using Tracking.RedirectEdge.Links;
using Tracking.RedirectEdge.Opens;
using Tracking.ServiceDefaults;

namespace Tracking.RedirectEdge;

/// <summary>The edge: serves clicks, opens and <c>Hello.</c>, records them in its spool and publishes them.</summary>
public static class RedirectEdgeComposition
{
    /// <summary>Adds the edge's parts.</summary>
    public static IHostApplicationBuilder AddRedirectEdge(this IHostApplicationBuilder builder)
    {
        builder.AddTrackingDatabase();
        var services = builder.Services;
        builder.AddTrackingOptions<RedirectEdgeOptions>(RedirectEdgeOptions.Section);
        builder.AddDirectoryChanges();
        builder.LetBusBeAway();

        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddSingleton<EdgeMeters>();
        services.AddSingleton(provider =>
            EdgeFolder.Open(provider.GetRequiredService<IOptions<RedirectEdgeOptions>>().Value.Folder));

        services.AddSingleton<HostDirectory>();
        services.AddSingleton<LinkLookup>();
        services.AddHostedService<KeepCopies>();

        services.AddSingleton<EventSpool>();
        services.AddSingleton<SendBatch>(provider =>
        {
            var queue = provider.GetRequiredService<SendToQueue>();
            return batch => queue.SendAsync(QueueNames.StoreEvents, batch);
        });
        services.AddSingleton<PublishEvents>();
        services.AddHostedService<SealSegments>();
        services.AddHostedService(provider => provider.GetRequiredService<PublishEvents>());
        services.AddSingleton(provider => new BusEndpoint(
            QueueNames.Acknowledgements(provider.GetRequiredService<EdgeFolder>().EdgeId),
            (_, queue) => queue.Handler<EventBatchStored>(stored =>
            {
                // Asked for at this late moment because the publisher needs the bus that is being configured here.
                provider.GetRequiredService<PublishEvents>().Acknowledge(stored.Message);
                return Task.CompletedTask;
            }))
        {
            IsOwned = true,
        });

        services.AddSingleton<ClientAddress>();
        services.AddSingleton<RecordEvent>();
        services.AddSingleton<ServeClick>();
        services.AddSingleton<ServePixel>();
        services.AddSingleton<ServeEdge>();
        services.AddSingleton<EdgePorts>();
        // The first filter is the outermost middleware: in front of whatever the host adds by itself.
        services.Insert(0, ServiceDescriptor.Transient<IStartupFilter, BranchToEdge>());
        services.AddHealthChecks().AddCheck<EdgeReady>("edge", tags: ["ready"]);
        return builder;
    }

    /// <summary>Serves the edge, and nothing else, on these ports, in front of every other middleware.</summary>
    /// <param name="app">The host.</param>
    /// <param name="ports">Ports that Kestrel listens on; none: all of them, for a host that is an edge only.</param>
    public static WebApplication MapRedirectEdge(this WebApplication app, params int[] ports)
    {
        app.Services.GetRequiredService<EdgePorts>().Ports = ports;
        return app;
    }

    private sealed class EdgePorts
    {
        public int[]? Ports { get; set; }
    }

    private sealed class BranchToEdge(EdgePorts edgePorts) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            if (edgePorts.Ports is { } ports)
            {
                var edge = app.ApplicationServices.GetRequiredService<ServeEdge>();
                app.Use(other => ports.Length == 0
                    ? edge.ServeAsync
                    : context => ports.AsSpan().Contains(
                        context.Features.GetRequiredFeature<IHttpConnectionFeature>().LocalPort)
                            ? edge.ServeAsync(context)
                            : other(context));
            }

            next(app);
        };
    }
}

using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Gateway.Routing;
using Tracking.RedirectEdge;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;
using Tracking.SharedCache;
using Tracking.Tls;
using Tracking.Tls.Stored;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.ServiceDiscovery;

namespace Tracking.Gateway;

/// <summary>The public entry: recipients by any tracking host, API and console by their own names.</summary>
public static class GatewayComposition
{
    /// <summary>Adds the routes, and the edge when it is in this process.</summary>
    public static IHostApplicationBuilder AddGateway(this IHostApplicationBuilder builder)
    {
        builder.AddBus();
        builder.AddProblems();
        builder.AddTrackingOptions<GatewayOptions>(GatewayOptions.Section);
        builder.Services.AddSingleton<IValidateOptions<GatewayOptions>, ApiHosts.WithoutSystemHost>();
        builder.Services.AddSingleton<ApiHosts>();
        builder.Services.AddSingleton(provider => new HealthHosts(
            ApiHosts.HealthNames(provider.GetRequiredService<IOptions<GatewayOptions>>().Value)));
        builder.Services.AddTransient<IStartupFilter, KnowHosts>();
        builder.Services.AddSingleton<IProxyConfigProvider>(provider => new InMemoryConfigProvider(
            RouteRequests.Routes(provider.GetRequiredService<IOptions<GatewayOptions>>().Value),
            RouteRequests.Clusters(
                provider.GetRequiredService<IOptions<GatewayOptions>>().Value,
                provider.GetRequiredService<IConfiguration>())));
        builder.Services.AddSingleton<ResolveHost>(System.Net.Dns.GetHostAddressesAsync);
        builder.Services.AddSingleton<IDestinationResolver, FindCopies>();
        // A client with Expect: 100-continue (RFC 9110, 10.1.1) must wait for the service's answer. By default the
        // gateway would ask for the body after a second.
        builder.Services.AddReverseProxy().AddTransforms<ForwardRequest>()
            .ConfigureHttpClient((_, client) => client.Expect100ContinueTimeout = Timeout.InfiniteTimeSpan);
        if (HasEdge(builder.Configuration))
        {
            builder.AddRedirectEdge();
            builder.Services.AddOptions<RedirectEdgeOptions>().PostConfigure<IOptions<GatewayOptions>>(
                (edge, gateway) =>
                {
                    foreach (var proxy in gateway.Value.TrustedProxies)
                    {
                        edge.TrustedProxies.Add(proxy);
                    }
                });
        }

        builder.AddTls();
        builder.Services.AddSingleton<IServedHosts, ApiHosts>(
            provider => provider.GetRequiredService<ApiHosts>());
        if (HasEdge(builder.Configuration) || HasDatabase(builder.Configuration))
        {
            builder.AddTrackingDatabase();
            builder.AddDirectoryChanges();
            builder.AddTrackingHosts();
            builder.AddStoredCertificates();
        }

        if (HasEdge(builder.Configuration))
        {
            // The file is beside the edge's own copies, on a volume that outlives the process.
            builder.Services.AddOptions<TlsOptions>().PostConfigure<IOptions<RedirectEdgeOptions>>(
                (tls, edge) => tls.CopyFile ??= Path.Combine(edge.Value.Folder, "certificates.copy"));
        }

        return builder;
    }

    /// <summary>Maps the routes.</summary>
    public static WebApplication MapGateway(this WebApplication app)
    {
        app.MapTls(_ => true);
        app.UseProblems();
        if (HasEdge(app.Configuration))
        {
            var api = app.Services.GetRequiredService<ApiHosts>();
            app.MapRedirectEdge(context => !api.Contains(context.Request.Host)
                && !RouteRequests.IsChallenge(context) && !api.IsHealth(context));
        }

        app.MapReverseProxy(proxy =>
        {
            proxy.UseMiddleware<TryAnotherCopy>();
            proxy.UseLoadBalancing();
            proxy.UsePassiveHealthChecks();
        });
        return app;
    }

    // A gateway in front of its edges needs no database unless it ends TLS for tracking domains.
    private static bool HasDatabase(IConfiguration configuration) =>
        !string.IsNullOrEmpty(configuration.GetConnectionString("tracking"));

    private static bool HasEdge(IConfiguration configuration) =>
        configuration.ReadTrackingOptions<GatewayOptions>(GatewayOptions.Section).Edge == EdgePlace.InProcess;

    // Runs before routing, which compares names in their request form.
    private sealed class KnowHosts(ApiHosts api) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(other => context =>
            {
                api.Normalize(context);
                return other(context);
            });
            next(app);
        };
    }
}

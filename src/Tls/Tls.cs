using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Tracking.ServiceDefaults.Settings;
using Tracking.Tls.Certificates;
using Tracking.Tls.Connections;
using Tracking.Tls.Plain;

namespace Tracking.Tls;

/// <summary>Ends TLS for any number of names, and answers what belongs to port 80.</summary>
public static class TlsComposition
{
    /// <summary>Adds its parts. Services whose requests it is to see first are added before it; further sources of
    /// certificates after it, in the order in which they are to be asked.</summary>
    public static IHostApplicationBuilder AddTls(this IHostApplicationBuilder builder)
    {
        builder.AddTrackingOptions<TlsOptions>(TlsOptions.Section);
        var services = builder.Services;
        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddSingleton<TlsMeters>();

        services.AddSingleton<IServedHosts, SystemHosts>();
        services.AddSingleton<FileCertificates>();
        services.AddSingleton<ICertificateSource>(provider => provider.GetRequiredService<FileCertificates>());
        services.AddSingleton<SelectCertificate>();
        services.AddSingleton<IServedCertificates>(provider => provider.GetRequiredService<SelectCertificate>());
        services.AddHostedService(provider =>
        {
            var files = provider.GetRequiredService<FileCertificates>();
            files.Changed = provider.GetRequiredService<SelectCertificate>().ForgetLocal;
            return files;
        });
        services.AddHostedService<KeepSealedCopy>();

        services.AddSingleton<HandshakeDeadline>();
        services.AddSingleton<ReadProxyHeader>();
        services.AddSingleton<ReadClientHello>();
        services.AddSingleton<ChooseCertificate>();

        services.AddSingleton<HttpsAddress>();
        services.AddSingleton<InsistOnHttps>();
        services.AddSingleton<AnswerChallenge>();
        services.AddSingleton<ServePlain>();
        services.AddSingleton<TlsRequests>();
        // The filter must run before all filters that were added earlier, such as the edge's.
        services.Insert(0, ServiceDescriptor.Transient<IStartupFilter, SeeFirst>());
        return builder;
    }

    /// <summary>Lets it see the requests on these ports first.</summary>
    /// <param name="app">The host.</param>
    /// <param name="ports">Ports that Kestrel listens on.</param>
    public static WebApplication MapTls(this WebApplication app, IReadOnlyList<int> ports)
    {
        int[] own = [.. ports];
        return app.MapTls(context => own.AsSpan().Contains(
            context.Features.GetRequiredFeature<IHttpConnectionFeature>().LocalPort));
    }

    /// <summary>Lets it see these requests first.</summary>
    /// <param name="app">The host.</param>
    /// <param name="belongs">Whether a request is one that visitors and authorities send; asked for each, so it must be
    /// cheap.</param>
    public static WebApplication MapTls(this WebApplication app, Func<HttpContext, bool> belongs)
    {
        app.Services.GetRequiredService<TlsRequests>().Belongs = belongs;
        return app;
    }

    private sealed class TlsRequests
    {
        public Func<HttpContext, bool>? Belongs { get; set; }
    }

    private sealed class SeeFirst(TlsRequests requests) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            if (requests.Belongs is { } belongs)
            {
                var plain = app.ApplicationServices.GetRequiredService<ServePlain>();
                app.Use(other => context => belongs(context) ? plain.ServeAsync(context, other) : other(context));
            }

            next(app);
        };
    }
}

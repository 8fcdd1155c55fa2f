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

/// <summary>Ends TLS for any number of names, and answers challenges and redirects to https on port 80.</summary>
public static class TlsComposition
{
    /// <summary>Adds the services of TLS. Call it after the services whose requests TLS must see first. Add further
    /// sources of certificates after it, in the order in which they must be asked.</summary>
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

    /// <summary>Passes the requests on these ports to TLS first.</summary>
    /// <param name="app">The host.</param>
    /// <param name="ports">Ports that Kestrel listens on.</param>
    public static WebApplication MapTls(this WebApplication app, IReadOnlyList<int> ports)
    {
        int[] own = [.. ports];
        return app.MapTls(context => own.AsSpan().Contains(
            context.Features.GetRequiredFeature<IHttpConnectionFeature>().LocalPort));
    }

    /// <summary>Passes the selected requests to TLS first.</summary>
    /// <param name="app">The host.</param>
    /// <param name="belongs">Whether a request comes from a visitor or an authority. Called for every request, so it
    /// must be cheap.</param>
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

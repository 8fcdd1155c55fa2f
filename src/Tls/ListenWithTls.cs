using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Tracking.ServiceDefaults.Hosting;
using Tracking.Tls.Connections;

namespace Tracking.Tls;

/// <summary>The endpoints for connections. The steps of a connection are: PROXY header, ClientHello, certificate,
/// handshake, HTTP.</summary>
public static class ListenWithTlsComposition
{
    /// <summary>
    /// Listens where <c>ASPNETCORE_URLS</c>, <c>ASPNETCORE_HTTP_PORTS</c> and <c>ASPNETCORE_HTTPS_PORTS</c> say: TLS on
    /// the https ones, with the certificates of this process.
    /// </summary>
    public static WebApplicationBuilder ListenWithTls(this WebApplicationBuilder builder)
    {
        var configuration = builder.Configuration;
        var urls = configuration[WebHostDefaults.ServerUrlsKey] is { Length: > 0 } given
            ? given.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            : [.. Urls("http", configuration[WebHostDefaults.HttpPortsKey]),
                .. Urls("https", configuration[WebHostDefaults.HttpsPortsKey])];
        if (urls.Length == 0)
        {
            return builder;
        }

        builder.Services.AddTransient<IStartupFilter, ForgetAddresses>();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            foreach (var address in urls.Select(BindingAddress.Parse))
            {
                Listen(kestrel, address, listen => _ = address.Scheme == Uri.UriSchemeHttps
                    ? listen.UseTls()
                    : listen.UsePlain());
            }
        });
        return builder;
    }

    /// <summary>Ends TLS on an endpoint.</summary>
    public static ListenOptions UseTls(this ListenOptions listen)
    {
        ArgumentNullException.ThrowIfNull(listen);
        listen.LeaveFirstBytes();
        var (deadline, proxy) = (Part<HandshakeDeadline>(listen), Part<ReadProxyHeader>(listen));
        var (hello, choice) = (Part<ReadClientHello>(listen), Part<ChooseCertificate>(listen));
        Use(listen, deadline.StartAsync);
        if (proxy.IsUsed)
        {
            Use(listen, proxy.ReadAsync);
        }

        Use(listen, hello.ReadAsync);
        Use(listen, choice.ChooseAsync);
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = handshake => ValueTask.FromResult(ChooseCertificate.OptionsOf(handshake)),
            // The deadline above ends the handshake earlier.
            HandshakeTimeout = TimeSpan.FromMinutes(2),
        });
        Use(listen, ChooseCertificate.GoOnAsync);
        return listen;
    }

    /// <summary>Reads PROXY headers on an endpoint without TLS, if load balancers are configured.</summary>
    public static ListenOptions UsePlain(this ListenOptions listen)
    {
        ArgumentNullException.ThrowIfNull(listen);
        var proxy = Part<ReadProxyHeader>(listen);
        if (proxy.IsUsed)
        {
            listen.LeaveFirstBytes();
            var deadline = Part<HandshakeDeadline>(listen);
            Use(listen, deadline.StartAsync);
            Use(listen, proxy.ReadAsync);
            Use(listen, (connection, next) =>
            {
                HandshakeDeadline.Met(connection);
                return next(connection);
            });
            listen.UseHttp2WithoutTls();
        }

        return listen;
    }

    private static T Part<T>(ListenOptions listen)
        where T : notnull => listen.ApplicationServices.GetRequiredService<T>();

    private static void Use(ListenOptions listen, Func<ConnectionContext, ConnectionDelegate, Task> part) =>
        listen.Use(next => connection => part(connection, next));

    private static IEnumerable<string> Urls(string scheme, string? ports) =>
        (ports ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(port => $"{scheme}://*:{port}");

    // Kestrel would warn that it does not listen at the addresses but at the endpoints, which are the same.
    private sealed class ForgetAddresses : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.ServerFeatures.Get<IServerAddressesFeature>()?.Addresses.Clear();
            next(app);
        };
    }

    // The addresses are read as Kestrel reads them.
    private static void Listen(KestrelServerOptions kestrel, BindingAddress address, Action<ListenOptions> configure)
    {
        if (address.IsUnixPipe)
        {
            kestrel.ListenUnixSocket(address.UnixPipePath, configure);
        }
        else if (string.Equals(address.Host, "localhost", StringComparison.OrdinalIgnoreCase))
        {
            kestrel.ListenLocalhost(address.Port, configure);
        }
        else if (System.Net.IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip))
        {
            kestrel.Listen(ip, address.Port, configure);
        }
        else
        {
            kestrel.ListenAnyIP(address.Port, configure);
        }
    }
}

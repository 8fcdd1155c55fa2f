using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Tracking.Dns;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>
/// Asks a site that a tenant names for one header: one request, no redirect followed, no body read, and only at
/// addresses that name servers may have too. What goes wrong means that there is no header: browsers would not have
/// taken it.
/// </summary>
internal sealed class FetchTransportSecurity : IDisposable
{
    private const string Header = "Strict-Transport-Security";

    // Kilobytes of header fields; sites send two or three.
    private const int MostHeader = 32;

    private const int HttpsPort = 443;

    // Two kinds of addresses, and each resolver twice.
    private const int MostQueries = 8;

    private readonly Func<HostName, CancellationToken, Task<IReadOnlyList<IPAddress>>> _addresses;
    private readonly AddressGuard _guard;
    private readonly int _port;
    private readonly HttpClient _client;

    /// <summary>Made by the container.</summary>
    public FetchTransportSecurity(AskResolver resolver, AddressGuard guard)
        : this(
            async (name, cancellationToken) => (await resolver.AddressesAsync(
                DnsName.From(name), new QueryBudget(MostQueries), cancellationToken)).Addresses,
            guard, HttpsPort, null)
    {
    }

    /// <summary>With other addresses, another port and other roots.</summary>
    internal FetchTransportSecurity(
        Func<HostName, CancellationToken, Task<IReadOnlyList<IPAddress>>> addresses,
        AddressGuard guard,
        int port,
        X509Certificate2Collection? roots)
    {
        (_addresses, _guard, _port) = (addresses, guard, port);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            MaxResponseHeadersLength = MostHeader,
            // One request a site and day: nothing is kept open.
            PooledConnectionLifetime = TimeSpan.Zero,
            ActivityHeadersPropagator = null,
            ConnectCallback = ConnectAsync,
        };
        if (roots is not null)
        {
            handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
        }

        _client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Asks.</summary>
    /// <inheritdoc cref="ReadTransportSecurity"/>
    public async Task<string?> RunAsync(HostName name, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"https://{name}:{_port}/");
            request.Headers.ConnectionClose = true;
            using var response = await _client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return response.Headers.TryGetValues(Header, out var values) ? values.First() : null;
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or SocketException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        if (!HostName.TryParse(context.DnsEndPoint.Host, out var name))
        {
            throw new HttpRequestException("This is no host name.");
        }

        var addresses = await _addresses(name, cancellationToken);
        if (addresses.FirstOrDefault(_guard.Allows) is not { } address)
        {
            throw new HttpRequestException("It has no address that may be asked.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, context.DnsEndPoint.Port), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

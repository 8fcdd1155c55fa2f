using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Tracking.Dns;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>
/// Requests one header from a site that a tenant names. One request is sent, no redirect is followed, and no body is
/// read. A failure counts as no header, because a browser would not have received it either.
/// </summary>
internal sealed class FetchTransportSecurity : IDisposable
{
    private const string Header = "Strict-Transport-Security";

    private const int HttpsPort = 443;

    private readonly int _port;
    private readonly HttpClient _client;

    /// <summary>Made by the container.</summary>
    public FetchTransportSecurity(AskResolver resolver, AddressGuard guard)
        : this(ConnectToPublic.By(resolver), guard, HttpsPort, null)
    {
    }

    /// <summary>For tests: with other addresses, another port and other roots.</summary>
    internal FetchTransportSecurity(
        FindAddresses addresses, AddressGuard guard, int port, X509Certificate2Collection? roots)
    {
        _port = port;
        var handler = ConnectToPublic.Handler(addresses, guard);
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

    /// <summary>Requests the header.</summary>
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
}

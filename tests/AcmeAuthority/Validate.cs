using System.Formats.Asn1;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Tracking.AcmeAuthority;

/// <summary>Looks at a name as public authorities do. Every name is at this machine.</summary>
internal static class Validate
{
    private static readonly SslApplicationProtocol _protocol = new("acme-tls/1");

    /// <summary>RFC 8555 §8.3.</summary>
    public static async Task Http01Async(string name, string token, string expected, int port)
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        using var request = new HttpRequestMessage(
            HttpMethod.Get, $"http://127.0.0.1:{port}/.well-known/acme-challenge/{token}");
        request.Headers.Host = name;
        try
        {
            using var response = await http.SendAsync(request);
            var body = (await response.Content.ReadAsStringAsync()).TrimEnd();
            if (response.StatusCode != HttpStatusCode.OK || body != expected)
            {
                throw new RefusalException(
                    403, "unauthorized", $"Invalid response from http://{name}: {(int)response.StatusCode}");
            }
        }
        catch (HttpRequestException exception)
        {
            throw new RefusalException(400, "connection", exception.Message);
        }
    }

    /// <summary>RFC 8737 §3, in the order in which Boulder's <c>va/tlsalpn.go</c> looks.</summary>
    public static async Task TlsAlpn01Async(string name, string expected, int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            await using var tls = new SslStream(client.GetStream(), false, (_, _, _, _) => true);
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = name,
                ApplicationProtocols = [_protocol],
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            });
            if (tls.NegotiatedApplicationProtocol != _protocol)
            {
                throw new RefusalException(403, "unauthorized", "Cannot negotiate ALPN protocol \"acme-tls/1\"");
            }

            CheckTlsAlpn(new X509Certificate2(tls.RemoteCertificate!), name, expected);
        }
        catch (Exception exception) when (exception is IOException or SocketException or AuthenticationException)
        {
            throw new RefusalException(400, "tls", exception.Message);
        }
    }

    /// <summary>The certificate alone.</summary>
    public static void CheckTlsAlpn(X509Certificate2 certificate, string name, string keyAuthorization)
    {
        RefusalException Wrong(string what) => new(403, "unauthorized", $"Received certificate with {what}");
        if (!certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData))
        {
            throw Wrong("subject and issuer that differ");
        }

        var seen = new HashSet<string>();
        foreach (var extension in certificate.Extensions)
        {
            if (!seen.Add(extension.Oid!.Value!))
            {
                throw Wrong($"extension {extension.Oid.Value} twice");
            }
        }

        var names = new AsnReader(certificate.Extensions["2.5.29.17"]?.RawData
            ?? throw Wrong("no names"), AsnEncodingRules.DER).ReadSequence();
        var tag = new Asn1Tag(TagClass.ContextSpecific, 2);
        var dnsName = names.PeekTag().HasSameClassAndValue(tag)
            ? names.ReadCharacterString(UniversalTagNumber.IA5String, tag)
            : throw Wrong("another kind of name");
        if (names.HasData || !Encoding.ASCII.GetBytes(dnsName).AsSpan().SequenceEqual(Encoding.ASCII.GetBytes(name)))
        {
            throw Wrong("other names");
        }

        var proof = certificate.Extensions["1.3.6.1.5.5.7.1.31"] ?? throw Wrong("no acmeIdentifier");
        byte[] wanted = [0x04, 0x20, .. SHA256.HashData(Encoding.ASCII.GetBytes(keyAuthorization))];
        if (!proof.Critical || !proof.RawData.AsSpan().SequenceEqual(wanted))
        {
            throw Wrong("a wrong acmeIdentifier");
        }
    }
}

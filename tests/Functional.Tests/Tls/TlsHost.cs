using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tracking.Links;
using Tracking.ServiceDefaults;
using Tracking.Tls;
using Tracking.Tls.Certificates;
using Tracking.Tls.Challenges;

namespace Tracking.Functional.Tests.Tls;

/// <summary>The TLS and plain ports of a process, in front of a handler that answers with the properties of the
/// connection.</summary>
internal sealed class TlsHost : IAsyncDisposable, ICertificateSource, IChallengeCertificates, IChallengeThumbprints,
    IServedHosts
{
    public const string SystemHost = "track.example.net";
    public const string Thumbprint = "thumbprint-of-the-account";

    private WebApplication _app = null!;

    public TestAuthority Authority { get; } = new();

    /// <summary>The certificates of the source.</summary>
    public ConcurrentDictionary<string, CertificateFound> Certificates { get; } = new();

    /// <summary>The open challenges. Each request gets a copy of the certificate.</summary>
    public ConcurrentDictionary<string, X509Certificate2> Challenges { get; } = new();

    public ConcurrentDictionary<string, HostStanding> Hosts { get; } = new();

    public bool IsAway { get; set; }

    public int Questions { get; private set; }

    public int TlsPort { get; private set; }

    public int PlainPort { get; private set; }

    public IServedCertificates Served => _app.Services.GetRequiredService<IServedCertificates>();

    public static async Task<TlsHost> StartAsync(params (string Key, string Value)[] settings)
    {
        var host = new TlsHost();
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Tracking:SystemHost"] = SystemHost,
            ["Tracking:MasterKey"] = Convert.ToBase64String(new byte[32]),
            // The time limit is long, because the machine may be loaded.
            ["Tracking:Tls:HandshakeTimeout"] = "00:00:50",
        });
        builder.Configuration.AddInMemoryCollection(
            settings.Select(setting => KeyValuePair.Create("Tracking:" + setting.Key, (string?)setting.Value)));
        builder.WebHost.UseUrls("http://127.0.0.1:0;https://127.0.0.1:0");
        builder.AddServiceDefaults();
        builder.AddTls();
        builder.ListenWithTls();
        builder.Services.AddSingleton<ICertificateSource>(host);
        builder.Services.AddSingleton<IChallengeCertificates>(host);
        builder.Services.AddSingleton<IChallengeThumbprints>(host);
        builder.Services.AddSingleton<IServedHosts>(host);
        var app = host._app = builder.Build();
        app.MapTls(_ => true);
        app.Run(context => context.Response.WriteAsync(
            $"{context.Request.Scheme} {context.Request.Host} {context.Request.Protocol} from "
            + $"{context.Connection.RemoteIpAddress}:{context.Connection.RemotePort}"));
        host.Certificates[SystemHost] = host.Authority.Issue(SystemHost);
        await app.StartAsync();
        host.TlsPort = new Uri(app.Urls.Single(url => url.StartsWith("https", StringComparison.Ordinal))).Port;
        host.PlainPort = new Uri(app.Urls.Single(url => url.StartsWith("http:", StringComparison.Ordinal))).Port;
        return host;
    }

    /// <summary>Adds a served name with a certificate.</summary>
    public CertificateFound Add(string name, DateTimeOffset? firstRenewedAt = null)
    {
        var issued = Authority.Issue(name);
        Hosts[name] = HostStanding.ActiveWithHttps;
        return Certificates[name] = new CertificateFound
        {
            Name = name,
            Chain = issued.Chain,
            PrivateKey = issued.PrivateKey,
            FirstRenewedAt = firstRenewedAt,
        };
    }

    public async ValueTask<CertificateFound?> FindAsync(HostName name, CancellationToken cancellationToken)
    {
        Questions++;
        await Task.Yield();
        return IsAway ? throw new TimeoutException("away") : Certificates.GetValueOrDefault(name.Value);
    }

    ValueTask<X509Certificate2?> IChallengeCertificates.FindAsync(HostName name, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Challenges.TryGetValue(name.Value, out var challenge)
            ? new X509Certificate2(challenge)
            : null);

    public string? Find(HostName name, string token) => Thumbprint;

    public HostStanding Find(HostName name) => Hosts.GetValueOrDefault(name.Value, HostStanding.Unsaid);

    /// <summary>Connects without checking the certificate.</summary>
    public async Task<SslStream> ConnectAsync(
        string name, SslProtocols protocols = SslProtocols.None, params string[] offered)
    {
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, TlsPort);
        return await HandshakeAsync(new NetworkStream(client, ownsSocket: true), name, protocols, offered);
    }

    public static async Task<SslStream> HandshakeAsync(
        Stream stream, string name, SslProtocols protocols = SslProtocols.None, params string[] offered)
    {
        var tls = new SslStream(stream);
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = name,
                EnabledSslProtocols = protocols,
                ApplicationProtocols = offered.Length == 0
                    ? null
                    : [.. offered.Select(protocol => new SslApplicationProtocol(protocol))],
                RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
            });
            return tls;
        }
        catch
        {
            await tls.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends one request over a stream, which stays open.</summary>
    public static async Task<string> AskAsync(Stream stream, string host, string path = "/")
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        var answer = new StringBuilder();
        var buffer = new byte[4_096];
        while (!IsWhole(answer.ToString()))
        {
            var read = await stream.ReadAsync(buffer);
            if (read == 0)
            {
                break;
            }

            answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
        }

        return answer.ToString();
    }

    /// <summary>Sends bytes as a plain TCP client, and reads the answer to its end.</summary>
    public static async Task<byte[]> ExchangeAsync(int port, byte[] sent, IPAddress? from = null)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Bind(new IPEndPoint(from ?? IPAddress.Loopback, 0));
        await client.ConnectAsync(IPAddress.Loopback, port);
        await client.SendAsync(sent);
        using var received = new MemoryStream();
        var buffer = new byte[4_096];
        try
        {
            while (await client.ReceiveAsync(buffer) is var read and > 0)
            {
                received.Write(buffer, 0, read);
            }
        }
        catch (SocketException)
        {
            // A reset counts as the end of the connection.
        }

        return received.ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        foreach (var challenge in Challenges.Values)
        {
            challenge.Dispose();
        }

        Authority.Dispose();
    }

    private static bool IsWhole(string answer)
    {
        var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0)
        {
            return false;
        }

        const string Length = "content-length: ";
        var at = answer.IndexOf(Length, StringComparison.OrdinalIgnoreCase);
        return at >= 0 && at < end
            ? answer.Length - end - 4 >= int.Parse(
                answer.AsSpan(at + Length.Length, answer.IndexOf('\r', at) - at - Length.Length),
                global::System.Globalization.CultureInfo.InvariantCulture)
            : answer.EndsWith("0\r\n\r\n", StringComparison.Ordinal);
    }
}

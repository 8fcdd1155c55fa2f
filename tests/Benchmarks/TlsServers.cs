using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Links;
using Tracking.Servers;
using Tracking.Tls;
using Tracking.Tls.Certificates;

namespace Tracking.Benchmarks;

/// <summary>The servers whose TLS is compared, with certificates of ECDSA P-256 for any name, and their
/// client.</summary>
internal static class TlsServers
{
    public const string Bare = "tls-bare";
    public const string Ours = "tls-ours";
    public const string Edge = "tls-edge";
    public const string Name = "track.localhost";

    /// <summary>Adds our TLS listener.</summary>
    public static void Add(WebApplicationBuilder builder)
    {
        builder.AddTls();
        builder.Services.AddSingleton<ICertificateSource, ForAnyName>();
    }

    /// <summary>Configures an endpoint for one of the servers.</summary>
    public static void Configure(ListenOptions listen, string which)
    {
        if (which is Ours or Edge)
        {
            listen.UseTls();
        }
        else if (which == Bare)
        {
            using var key = ECDsa.Create();
            var found = ForAnyName.Make(Name);
            key.ImportPkcs8PrivateKey(found.PrivateKey, out _);
            var certificate = X509CertificateLoader.LoadCertificate(found.Chain[0]).CopyWithPrivateKey(key);
            var options = new SslServerAuthenticationOptions
            {
                ServerCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
            };
            listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(options) });
        }
    }

    /// <summary>Writes a certificate for <see cref="Name"/> into <c>tls.crt</c> and its key into <c>tls.key</c>.</summary>
    public static void WriteCertificate(string folder) => ForAnyName.Write(folder);

    /// <summary>Makes one connection with one request.</summary>
    /// <returns>The bytes from the server in the handshake. A resumed handshake has no certificate.</returns>
    public static async Task<long> ConnectAsync(int port, string name, bool resumes)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, port);
        var counted = new CountedStream(client.GetStream());
        await using var tls = new SslStream(counted);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = name,
            EnabledSslProtocols = SslProtocols.Tls13,
            AllowTlsResume = resumes,
            RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null,
        });
        var bytes = counted.BytesRead;
        if (resumes)
        {
            // The ticket comes with the first answer.
            await tls.WriteAsync(Encoding.ASCII.GetBytes(
                $"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"));
            while (await tls.ReadAsync(new byte[1_024]) > 0)
            {
            }
        }

        return bytes;
    }

    private sealed class ForAnyName : ICertificateSource
    {
        public ValueTask<CertificateFound?> FindAsync(HostName name, CancellationToken cancellationToken) =>
            ValueTask.FromResult<CertificateFound?>(Make(name.Value));

        public static CertificateFound Make(string name)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name);
            request.CertificateExtensions.Add(names.Build());
            var now = TimeProvider.System.GetUtcNow();
            using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(90));
            return new CertificateFound
            {
                Name = name,
                Chain = [certificate.RawData],
                PrivateKey = key.ExportPkcs8PrivateKey(),
            };
        }

        public static void Write(string folder)
        {
            var found = Make(Name);
            File.WriteAllText(Path.Combine(folder, "tls.crt"), PemEncoding.WriteString("CERTIFICATE", found.Chain[0]));
            File.WriteAllText(
                Path.Combine(folder, "tls.key"), PemEncoding.WriteString("PRIVATE KEY", found.PrivateKey));
        }
    }

    /// <summary>nginx on one core, one worker, TLS 1.3.</summary>
    public sealed class Nginx : IDisposable
    {
        private readonly Process _process;

        private Nginx(Process process, int[] ports) =>
            (_process, Port, ProxyPort, RedirectPort) = (process, ports[0], ports[1], ports[2]);

        /// <summary>The port that answers 204.</summary>
        public int Port { get; }

        /// <summary>The port that proxies to an edge.</summary>
        public int ProxyPort { get; }

        /// <summary>The port that answers the edge's 302 by itself.</summary>
        public int RedirectPort { get; }

        /// <summary>The process that serves.</summary>
        public int WorkerId => int.Parse(
            File.ReadAllText($"/proc/{_process.Id}/task/{_process.Id}/children").Split(' ')[0],
            CultureInfo.InvariantCulture);

        /// <summary>Starts nginx in front of an edge without TLS.</summary>
        public static Nginx Start(string folder, int edgePort)
        {
            ForAnyName.Write(folder);
            var ports = FreePort.Take(3);
            var configuration = Path.Combine(folder, "nginx.conf");
            File.WriteAllText(configuration, string.Create(CultureInfo.InvariantCulture, $$"""
                daemon off; worker_processes 1; pid {{folder}}/nginx.pid; error_log {{folder}}/nginx.log;
                events { worker_connections 1024; }
                http {
                  access_log off; keepalive_requests 1000000000;
                  ssl_protocols TLSv1.3; ssl_session_tickets off;
                  ssl_certificate {{folder}}/tls.crt; ssl_certificate_key {{folder}}/tls.key;
                  upstream edge { server 127.0.0.1:{{edgePort}}; keepalive 128; keepalive_requests 1000000000; }
                  server {
                    listen 127.0.0.1:{{ports[0]}} ssl;
                    location / { return 204; }
                  }
                  server {
                    listen 127.0.0.1:{{ports[1]}} ssl;
                    location / {
                      proxy_pass http://edge; proxy_http_version 1.1; proxy_set_header Connection "";
                      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
                    }
                  }
                  server {
                    listen 127.0.0.1:{{ports[2]}} ssl;
                    location / {
                      add_header Cache-Control no-store; add_header Referrer-Policy no-referrer;
                      return 302 {{ClickPath.Destination}};
                    }
                  }
                }
                """));
            var start = new ProcessStartInfo("taskset") { ArgumentList = { "-c", "0", "nginx", "-c", configuration } };
            return new Nginx(Process.Start(start)!, ports);
        }

        public void Dispose()
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
            _process.Dispose();
        }
    }

    private sealed class CountedStream(Stream inner) : Stream
    {
        public long BytesRead { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override async ValueTask<int> ReadAsync(
            Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            BytesRead += read;
            return read;
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override ValueTask WriteAsync(
            ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            inner.WriteAsync(buffer, cancellationToken);
    }
}

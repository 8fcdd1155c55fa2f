using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>Pebble behind a proxy that sees each request and its answer, and can act before and after. URLs are those
/// of the proxy, because pebble takes its host from the request.</summary>
internal sealed class PebbleBehindProxy : IAsyncDisposable
{
    private readonly TestPebble _pebble;
    private readonly HttpClient _http;
    private readonly X509Certificate2 _certificate;
    private WebApplication _app = null!;

    private PebbleBehindProxy(TestPebble pebble)
    {
        _pebble = pebble;
        _http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null },
            AllowAutoRedirect = false,
        });
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=proxy for tests", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        _certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
    }

    /// <summary>Actions before pebble receives a request, by the first part of its path.</summary>
    public Action<string>? Before { get; set; }

    /// <summary>Actions after pebble's answer and before the client receives it.</summary>
    public Action<string>? After { get; set; }

    /// <summary>Pebble's answers, by the first part of the path.</summary>
    public ConcurrentQueue<(string Resource, int Status)> Answers { get; } = new();

    public string Directory => _app.Urls.Single() + "/dir";

    /// <summary>The root of the proxy's HTTPS.</summary>
    public string RootPem => _certificate.ExportCertificatePem();

    public static async Task<PebbleBehindProxy> StartAsync(TestPebble pebble, CancellationToken cancellationToken)
    {
        await pebble.StartAsync(cancellationToken);
        var proxy = new PebbleBehindProxy(pebble);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(proxy._certificate)));
        proxy._app = builder.Build();
        proxy._app.Run(proxy.ForwardAsync);
        await proxy._app.StartAsync(cancellationToken);
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await _pebble.DisposeAsync();
        _http.Dispose();
        _certificate.Dispose();
    }

    private async Task ForwardAsync(HttpContext context)
    {
        var resource = context.Request.Path.Value!.Split('/')[1];
        Before?.Invoke(resource);
        context.RequestAborted.ThrowIfCancellationRequested();
        using var request = new HttpRequestMessage(
            new HttpMethod(context.Request.Method),
            new Uri(new Uri(_pebble.Directory), context.Request.GetEncodedPathAndQuery()));
        if (HttpMethods.IsPost(context.Request.Method))
        {
            request.Content = new StreamContent(context.Request.Body);
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(context.Request.ContentType!);
            request.Content.Headers.ContentLength = context.Request.ContentLength;
        }

        request.Headers.Host = context.Request.Host.Value;
        request.Headers.UserAgent.ParseAdd("proxy");
        using var answer = await _http.SendAsync(request);
        var body = await answer.Content.ReadAsByteArrayAsync();
        Answers.Enqueue((resource, (int)answer.StatusCode));
        After?.Invoke(resource);
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
        {
            if (name is not ("Transfer-Encoding" or "Content-Length"))
            {
                context.Response.Headers.Append(name, values.ToArray());
            }
        }

        await context.Response.Body.WriteAsync(body);
    }
}

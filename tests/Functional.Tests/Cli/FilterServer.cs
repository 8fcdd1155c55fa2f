using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Tracking.Functional.Tests.Cli;

/// <summary>A rewrite endpoint for the filter. It puts an X before each message, unless a test says
/// otherwise.</summary>
internal sealed class FilterServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FilterServer(Func<HttpContext, Task>? answer)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapPost("/api/v1/clusters/{cluster}/rewrite", async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            Headers = context.Request.Headers.ToDictionary(
                header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);
            await (answer?.Invoke(context) ?? RewriteAsync(context, body.ToArray()));
        });
    }

    public Uri Url => new(_app.Urls.Single());

    /// <summary>The headers of the last request; <see langword="null"/> before the first request.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; private set; }

    public static async Task<FilterServer> StartAsync(Func<HttpContext, Task>? answer = null)
    {
        var server = new FilterServer(answer);
        await server._app.StartAsync();
        return server;
    }

    public static Task<FilterServer> RefusingAsync(int status, string type) => StartAsync(context =>
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/problem+json";
        return context.Response.WriteAsync(
            $$"""{"type":"urn:tracking:problem:{{type}}","title":"Refused","detail":"5.7.1 no."}""");
    });

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private static async Task RewriteAsync(HttpContext context, byte[] message)
    {
        context.Response.ContentType = "message/rfc822";
        context.Response.Headers["Tracking-Links"] = "3";
        context.Response.Headers["Tracking-Opens"] = "yes";
        await context.Response.Body.WriteAsync((byte[])[(byte)'X', .. message]);
    }
}

using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Tracking.Servers;

/// <summary>A received webhook.</summary>
/// <param name="Id">The webhook's id.</param>
/// <param name="Timestamp">When the attempt began, seconds since 1970.</param>
/// <param name="Signature">The signatures.</param>
/// <param name="Body">The body.</param>
/// <param name="Path">The requested path.</param>
public sealed record ReceivedWebhook(string Id, long Timestamp, string Signature, string Body, string Path);

/// <summary>A receiver of webhooks: Kestrel with the answers of a test.</summary>
public sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private WebhookReceiver(WebApplication app) => _app = app;

    /// <summary>Writes the answer; the default is 200.</summary>
    public Func<HttpContext, Task> Answer { get; set; } = _ => Task.CompletedTask;

    /// <summary>Called for each webhook when it arrives.</summary>
    public Action<ReceivedWebhook> Seen { get; set; } = _ => { };

    /// <summary>All received webhooks, in order.</summary>
    public ConcurrentQueue<ReceivedWebhook> All { get; } = new();

    /// <summary>The ids of all received webhooks.</summary>
    public IEnumerable<string> Ids => All.Select(received => received.Id);

    /// <summary>The receiver's URL.</summary>
    public Uri Url { get; private set; } = null!;

    /// <summary>Starts a receiver on a free port of this machine.</summary>
    public static async Task<WebhookReceiver> StartAsync()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var receiver = new WebhookReceiver(builder.Build());
        receiver._app.Run(receiver.HandleAsync);
        await receiver._app.StartAsync();
        receiver.Url = new Uri(receiver._app.Urls.Single() + "/hooks");
        return receiver;
    }

    /// <summary>Sets the answer to a status and an optional header.</summary>
    public void AnswerWith(int status, string? header = null, string? value = null) => Answer = context =>
    {
        context.Response.StatusCode = status;
        if (header is not null)
        {
            context.Response.Headers[header] = value;
        }

        return context.Response.WriteAsync($"This is {status}.");
    };

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var headers = context.Request.Headers;
        var received = new ReceivedWebhook(
            headers["webhook-id"].ToString(),
            long.Parse(headers["webhook-timestamp"].ToString(), System.Globalization.CultureInfo.InvariantCulture),
            headers["webhook-signature"].ToString(),
            await reader.ReadToEndAsync(),
            context.Request.Path);
        Seen(received);
        All.Enqueue(received);
        await Answer(context);
    }
}

using System.Collections.Concurrent;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Console.Pages;
using Tracking.Management.Console.Parts;
using Tracking.Management.Events;

namespace Tracking.Management.Console;

/// <summary>
/// <c>GET /clusters/{cluster}/live/stream</c>: new events, as server-sent events. Each event is a table row as the page
/// shows it. One read of the database serves all watchers of a cluster in this process, and without watchers nothing is
/// read. A stream begins with the events of the last minute, and the page ignores the events that it already shows. So
/// no event is missed between the page and its stream, or while a connection was broken.
/// </summary>
internal sealed partial class StreamEvents(
    ApiDataSource dataSource, IOptions<ConsoleOptions> options, TimeProvider time, ILogger<StreamEvents> logger)
{
    /// <summary>The number of events with which the page begins.</summary>
    public const int Shown = 50;

    // Events of several edges are stored out of order, so new events are searched for in this window.
    private static readonly TimeSpan _window = TimeSpan.FromSeconds(60);

    // Nobody can read a burst, so one read takes at most this many events.
    private const int Most = 50;

    private readonly ConcurrentDictionary<ClusterId, Watched> _watched = new();

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/clusters/{cluster}/live/stream", HandleAsync).ExcludeFromDescription();

    private static async Task HandleAsync(HttpContext context, StreamEvents follow)
    {
        var keys = context.RequestServices.GetRequiredService<ApiKeyAuthentication>();
        var directory = context.RequestServices.GetRequiredService<ClusterDirectory>();
        if (context.Features.Get<ApiKeyHolder>() is not { } holder
            || !ClusterId.TryParse(context.Request.RouteValues["cluster"] as string, out var cluster)
            || !await keys.OpensAsync(holder, cluster, directory, context.RequestAborted))
        {
            await ErrorPage.WriteAsync(context, StatusCodes.Status404NotFound);
            return;
        }

        var watched = follow._watched.GetOrAdd(cluster, _ => new Watched());
        if (watched.Watching >= follow.Options.MaxLive)
        {
            await ErrorPage.WriteAsync(context, StatusCodes.Status429TooManyRequests);
            return;
        }

        var onlyPeople = context.Request.Query["who"] == "people";
        await TypedResults.ServerSentEvents(
            follow.RowsAsync(context, holder, cluster, watched, onlyPeople, context.RequestAborted))
            .ExecuteAsync(context);
    }

    private ConsoleOptions Options => options.Value;

    private async IAsyncEnumerable<SseItem<string>> RowsAsync(
        HttpContext context,
        ApiKeyHolder holder,
        ClusterId cluster,
        Watched watched,
        bool onlyPeople,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var keys = context.RequestServices.GetRequiredService<ApiKeyAuthentication>();
        await using var renderer = new HtmlRenderer(
            context.RequestServices, context.RequestServices.GetRequiredService<ILoggerFactory>());
        var channel = Channel.CreateBounded<EventResponse?>(
            new BoundedChannelOptions(2 * Most) { FullMode = BoundedChannelFullMode.DropOldest });
        Join(cluster, watched, channel.Writer);
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                var tracked = await channel.Reader.ReadAsync(cancellationToken);

                // A read without new events is passed on too: it keeps the connection alive, and a revoked key ends it.
                if (await keys.FindByIdAsync(holder.KeyId, cancellationToken) is null)
                {
                    yield return new SseItem<string>("", "end");
                    yield break;
                }

                if (tracked is null)
                {
                    yield return new SseItem<string>("", "still");
                }
                else if (!onlyPeople || EventWords.IsHuman(tracked.Classification.Verdict))
                {
                    yield return new SseItem<string>(await DrawAsync(renderer, cluster, tracked), "event");
                }
            }
        }
        finally
        {
            Leave(watched, channel.Writer);
        }
    }

    private static Task<string> DrawAsync(HtmlRenderer renderer, ClusterId cluster, EventResponse tracked) =>
        renderer.Dispatcher.InvokeAsync(async () => (await renderer.RenderComponentAsync<EventRow>(
            ParameterView.FromDictionary(new Dictionary<string, object?>
            {
                [nameof(EventRow.Event)] = tracked,
                [nameof(EventRow.Cluster)] = cluster,
            }))).ToHtmlString());

    private void Join(ClusterId cluster, Watched watched, ChannelWriter<EventResponse?> watcher)
    {
        lock (watched.Gate)
        {
            watched.Watchers.Add(watcher);
            if (watched.Watchers.Count > 1)
            {
                foreach (var tracked in Enumerable.Reverse(watched.Last))
                {
                    watcher.TryWrite(tracked);
                }
            }
            else
            {
                watched.Last = [];
                watched.End = new CancellationTokenSource();
                _ = LookAsync(cluster, watched, watched.End.Token);
            }
        }
    }

    private static void Leave(Watched watched, ChannelWriter<EventResponse?> watcher)
    {
        lock (watched.Gate)
        {
            watched.Watchers.Remove(watcher);
            if (watched.Watchers.Count == 0)
            {
                watched.End!.Cancel();
                watched.End.Dispose();
            }
        }
    }

    private async Task LookAsync(ClusterId cluster, Watched watched, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Options.LiveEvery, time);
        var looked = 0;
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                var selection = new EventSelection { Cluster = cluster, From = time.GetUtcNow() - _window };
                List<EventResponse> events;
                try
                {
                    events = (await SelectEvents.ReadAsync(
                        dataSource, selection, Most, Most, cancellationToken)).Events;
                }
                catch (Exception exception) when (AnswerStoreAway.IsAway(exception)
                    || StoreAway.IsStatementTimeout(exception))
                {
                    LogNotRead(exception.Message);
                    continue;
                }

                Tell(watched, events, isStill: ++looked % 5 == 0);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The last watcher has left.
        }
    }

    // Events are read newest first and sent oldest first.
    private static void Tell(Watched watched, List<EventResponse> events, bool isStill)
    {
        lock (watched.Gate)
        {
            var known = watched.Last.Select(tracked => tracked.Id).ToHashSet();
            var fresh = events.Where(tracked => !known.Contains(tracked.Id)).Reverse().ToList();
            watched.Last = events;
            foreach (var watcher in watched.Watchers)
            {
                foreach (var tracked in fresh)
                {
                    watcher.TryWrite(tracked);
                }

                if (isStill)
                {
                    watcher.TryWrite(null);
                }
            }
        }
    }

    private sealed class Watched
    {
        public Lock Gate { get; } = new();

        public List<ChannelWriter<EventResponse?>> Watchers { get; } = [];

        /// <summary>The result of the last read, newest first.</summary>
        public List<EventResponse> Last { get; set; } = [];

        public int Watching
        {
            get
            {
                lock (Gate)
                {
                    return Watchers.Count;
                }
            }
        }

        public CancellationTokenSource? End { get; set; }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Live events could not be read: {Reason}")]
    private partial void LogNotRead(string reason);
}

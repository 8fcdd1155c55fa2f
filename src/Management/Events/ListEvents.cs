using System.ComponentModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Messages;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace Tracking.Management.Events;

/// <summary>
/// <c>GET …/events</c> and <c>GET …/messages/{id}/events</c>: pages as JSON, or the whole range as NDJSON or CSV.
/// <para>Ids are in the order of time, but events of several edges arrive out of this order. A program that must see
/// every event reads the storage order (<see cref="PollEvents"/>).</para>
/// </summary>
internal static class ListEvents
{
    private const string Json = "application/json";

    // The cursor after all stored events.
    private const string Now = "now";

    // The order is the preference between equals: a browser or a plain curl gets JSON.
    private static readonly string[] _mediaTypes = [Json, ExportEvents.Ndjson, ExportEvents.Csv];

    public static void Map(IEndpointRouteBuilder cluster)
    {
        Describe(cluster.MapGet("/events", (
                ClusterId cluster, [AsParameters] ListEventsQuery query, HttpRequest request,
                ApiDataSource dataSource, IOptions<JsonOptions> json,
                IOptions<ManagementOptions> options, CancellationToken cancellationToken) =>
            HandleAsync(cluster, query, null, request, dataSource, json, options, cancellationToken)))
            .Describe("ListEvents", "Lists clicks and opens, newest first.");
        Describe(cluster.MapGet("/messages/{id}/events", (
                ClusterId cluster, string id, [AsParameters] ListEventsQuery query, HttpRequest request,
                ApiDataSource dataSource, IOptions<JsonOptions> json,
                IOptions<ManagementOptions> options, CancellationToken cancellationToken) =>
            HandleAsync(cluster, query, id, request, dataSource, json, options, cancellationToken)))
            .Describe("ListMessageEvents", "Lists the clicks and opens of a message, newest first.");
    }

    private static RouteHandlerBuilder Describe(RouteHandlerBuilder endpoint) => endpoint
        .RequireClusterAccess()
        .Produces<Page<EventResponse>>(200, Json, ExportEvents.Ndjson, ExportEvents.Csv)
        .DescribeProblems(400, 406, 410, 422);

    private static async Task<IResult> HandleAsync(
        ClusterId cluster,
        ListEventsQuery query,
        string? messageInPath,
        HttpRequest request,
        ApiDataSource dataSource,
        IOptions<JsonOptions> json,
        IOptions<ManagementOptions> options,
        CancellationToken cancellationToken)
    {
        var errors = new InputErrors();
        ReadQuery.RefuseUnknown<ListEventsQuery>(request, errors);
        var selection = Select(cluster, query, errors);
        var limit = ReadQuery.Limit(query.Limit, errors);
        if (messageInPath is not null && !string.IsNullOrEmpty(query.Message))
        {
            errors.Add("message", "is given twice, in the path and in the query; the path is enough.");
        }

        var message = messageInPath ?? ReadQuery.Text("message", query.Message, errors);
        if (errors.Any)
        {
            return errors.ToProblem();
        }

        if (Negotiate(request) is not { } mediaType)
        {
            return Problems.NotAcceptable(request.Headers.Accept, _mediaTypes);
        }

        if (!string.IsNullOrEmpty(message))
        {
            var key = await FindMessage.KeyAsync(dataSource, cluster, message, cancellationToken);
            if (key is null)
            {
                return FindMessage.NoSuchMessage(message);
            }

            selection = selection with { Message = key };
        }

        if (selection.Order == EventOrder.Stored)
        {
            return mediaType == Json
                ? await PollAsync(
                    dataSource, selection, query.After == Now, limit, options.Value.MaxSearched, cancellationToken)
                : Problems.Invalid("order", "stored", "asc or desc for NDJSON and CSV: the storage order has no end "
                    + "and is read in pages");
        }

        return mediaType == Json
            ? TypedResults.Ok(await ReadPageAsync(
                dataSource, selection, limit, options.Value.MaxSearched, cancellationToken))
            : new ExportEvents(
                dataSource,
                selection,
                string.IsNullOrEmpty(query.Limit) ? null : limit,
                mediaType,
                json.Value.SerializerOptions);
    }

    /// <summary>Reads the selection from a query.</summary>
    public static EventSelection Select(ClusterId cluster, ListEventsQuery query, InputErrors errors)
    {
        var selection = new EventSelection
        {
            Cluster = cluster,
            From = ReadQuery.Time("from", query.From, errors),
            To = ReadQuery.Time("to", query.To, errors),
            Kinds = ReadQuery.Choices("kind", query.Kind, EventWords.Kinds, errors),
            Recipient = ReadQuery.Text("recipient", query.Recipient, errors),
            Verdicts = ReadQuery.Choices("verdict", query.Verdict, EventWords.Verdicts, errors)
                ?.Select(verdict => (short)verdict).ToArray(),
            Human = ReadQuery.Choice("human", query.Human, HumanFilter.All, EventWords.Humans, errors),
            Order = ReadQuery.Choice(
                "order",
                query.Order,
                EventOrder.NewestFirst,
                [("desc", EventOrder.NewestFirst), ("asc", EventOrder.OldestFirst), ("stored", EventOrder.Stored)],
                errors),
        };
        ReadQuery.Range(selection.From, selection.To, errors);
        if (!string.IsNullOrEmpty(query.Link))
        {
            if (!LinkId.TryParse(query.Link, out var link))
            {
                errors.Add("link", $"got {Problems.Quote(query.Link)}, takes a link's id, 16 hexadecimal digits.");
            }

            selection = selection with { Link = link };
        }

        if (selection.Order != EventOrder.Stored)
        {
            return selection with { After = ReadQuery.After(query.After, TryReadPlace, errors) };
        }

        var place = default(StoredPlace);
        if (!string.IsNullOrEmpty(query.After) && query.After != Now
            && !Cursor.TryReadStored(query.After, out place))
        {
            errors.Add("after", Cursor.Wrong);
        }

        return string.IsNullOrEmpty(query.After) ? selection : selection with { AfterStored = place };
    }

    // The id of an event is also accepted: a client with half of an export continues after its last line.
    private static bool TryReadPlace(string text, out Guid id) =>
        Cursor.TryReadEvent(text, out id) || Guid.TryParseExact(text, "D", out id);

    private static async Task<IResult> PollAsync(
        ApiDataSource dataSource,
        EventSelection selection,
        bool isNow,
        int limit,
        int maxSearched,
        CancellationToken cancellationToken)
    {
        if (isNow)
        {
            return TypedResults.Ok(new Page<EventResponse>(
                [],
                Cursor.OfStored(await PollEvents.EndAsync(dataSource, selection.Cluster, cancellationToken))));
        }

        return await PollEvents.ReadAsync(
            dataSource, selection, selection.AfterStored, limit, maxSearched, cancellationToken) is { } page
                ? TypedResults.Ok(page)
                : Problems.CursorExpired(
                    "after: this position is too old, or a backup was restored. Read the missed events by time "
                    + "(from, order=asc), and then continue with order=stored&after=now");
    }

    /// <summary>A page of selected events.</summary>
    public static async Task<Page<EventResponse>> ReadPageAsync(
        ApiDataSource dataSource,
        EventSelection selection,
        int limit,
        int maxSearched,
        CancellationToken cancellationToken)
    {
        var (events, searchedTo) = await SelectEvents.ReadAsync(
            dataSource, selection, limit + 1, maxSearched, cancellationToken);
        var more = events.Count > limit;
        if (more)
        {
            events.RemoveAt(limit);
        }

        // Programs that follow the events read the oldest first. They get a cursor even at the current end of the list.
        Guid? last = more ? events[^1].Id
            : searchedTo is not null ? searchedTo
            : selection.OldestFirst ? events.Count != 0 ? events[^1].Id : selection.After
            : null;
        return new Page<EventResponse>(events, last is { } id ? Cursor.OfEvent(id) : null)
        {
            Partial = !more && searchedTo is not null,
        };
    }

    private static string? Negotiate(HttpRequest request)
    {
        var accepted = request.GetTypedHeaders().Accept;
        if (accepted.Count == 0)
        {
            return Json;
        }

        return accepted
            .Where(range => range.Quality is null or > 0)
            .OrderByDescending(range => range.Quality ?? 1)
            .ThenBy(range => range.MatchesAllTypes ? 2 : range.MatchesAllSubTypes ? 1 : 0)
            .Select(range => _mediaTypes.FirstOrDefault(type => range.MatchesMediaType(type)))
            .FirstOrDefault(type => type is not null);
    }
}

/// <summary>The query of <see cref="ListEvents"/>.</summary>
internal sealed class ListEventsQuery
{
    /// <summary>The beginning of the range.</summary>
    [FromQuery(Name = "from"), Description("At or after: RFC 3339, or a date (UTC).")]
    public string? From { get; init; }

    /// <summary>The end of the range (exclusive).</summary>
    [FromQuery(Name = "to"), Description("Before: RFC 3339, or a date (UTC).")]
    public string? To { get; init; }

    /// <summary>Kinds.</summary>
    [FromQuery(Name = "kind"), Description("click, open, image, honeypot; several with commas.")]
    public string? Kind { get; init; }

    /// <summary>The message.</summary>
    [FromQuery(Name = "message"), Description("A message's id, or the message id that its sender gave.")]
    public string? Message { get; init; }

    /// <summary>The recipient.</summary>
    [FromQuery(Name = "recipient"), Description("The whole envelope recipient of the message, any case.")]
    public string? Recipient { get; init; }

    /// <summary>The link.</summary>
    [FromQuery(Name = "link"), Description("A link's id, 16 hexadecimal digits.")]
    public string? Link { get; init; }

    /// <summary>Verdicts.</summary>
    [FromQuery(Name = "verdict"),
        Description("human, proxy, prefetch, preview, scanner, unknown; several with commas.")]
    public string? Verdict { get; init; }

    /// <summary>People or machines.</summary>
    [FromQuery(Name = "human"), Description("true: without recognised machines (prefetch, preview, scanner); "
        + "false: those only; all (default). A mail provider's image proxy counts as the person it fetches for.")]
    public string? Human { get; init; }

    /// <summary>The order.</summary>
    [FromQuery(Name = "order"), Description("desc: newest first (default); asc: oldest first; stored: "
        + "as they were stored, for programs that must see each event once, however late it comes. In that order next "
        + "is always given.")]
    public string? Order { get; init; }

    /// <summary>The number of items.</summary>
    [FromQuery(Name = "limit"), Description("Items of the page, 1 to 500; default 50. For NDJSON and CSV: at most "
        + "that many, default all.")]
    public string? Limit { get; init; }

    /// <summary>The position at which the page continues.</summary>
    [FromQuery(Name = "after"), Description("The value of next from the page before; or an event's id, to continue "
        + "after it; with order=stored also now: after all stored events.")]
    public string? After { get; init; }
}

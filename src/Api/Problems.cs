using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Tracking.Api;

/// <summary>
/// An error answer of the API, RFC 9457. Endpoints return it beside their result: <c>Results&lt;Ok&lt;Cluster&gt;,
/// Problem&gt;</c>. <see cref="Problems"/> makes it.
/// </summary>
public sealed record Problem : IResult, IStatusCodeHttpResult, IContentTypeHttpResult
{
    /// <summary>The media type of RFC 9457.</summary>
    public const string MediaType = "application/problem+json";

    internal Problem(ProblemType type, string detail)
    {
        Type = type;
        Detail = detail;
    }

    /// <summary>The kind of problem, which also decides the status.</summary>
    public ProblemType Type { get; }

    /// <summary>The input, the error in it, and the remedy.</summary>
    public string Detail { get; }

    /// <summary>Further members of the answer.</summary>
    public IReadOnlyDictionary<string, object?> Members { get; init; } = new Dictionary<string, object?>();

    /// <summary>When to try again, in whole seconds, as <c>Retry-After</c>.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The value of <c>WWW-Authenticate</c> for 401 (RFC 6750).</summary>
    internal string Challenge { get; init; } = "Bearer realm=\"tracking\"";

    /// <inheritdoc/>
    public int? StatusCode => Type.Status;

    /// <inheritdoc/>
    public string ContentType => MediaType;

    /// <summary>The same problem with one more member.</summary>
    public Problem With(string member, object? value) =>
        this with { Members = new Dictionary<string, object?>(Members) { [member] = value } };

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        var headers = httpContext.Response.Headers;
        if (RetryAfter is { } wait)
        {
            headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        }

        if (Type.Status == StatusCodes.Status401Unauthorized)
        {
            headers.WWWAuthenticate = Challenge;
        }

        return TypedResults.Problem(new ProblemDetails
        {
            Type = Type.Uri,
            Title = Type.Title,
            Status = Type.Status,
            Detail = Detail,
            Extensions = new Dictionary<string, object?>(Members),
        }).ExecuteAsync(httpContext);
    }
}

/// <summary>Makes the problems that endpoints answer with, and turns every other error into one.</summary>
public static class Problems
{
    // Long enough to recognise an address or a host name.
    private const int MaxQuoted = 100;

    /// <summary>The object does not exist, or this key may not see it: the answer is the same.</summary>
    /// <param name="kind">The kind of object, for example <c>cluster</c>.</param>
    /// <param name="id">The id that the client gave.</param>
    /// <param name="hint">A sentence about the remedy.</param>
    public static Problem NotFound(string kind, string? id, string? hint = null) =>
        new(ProblemType.NotFound, $"There is no {kind} {Quote(id)}. {hint}".TrimEnd());

    /// <summary>One value is wrong.</summary>
    /// <param name="name">The input: a JSON path, header or query parameter.</param>
    /// <param name="got">The given value; <see langword="null"/> for a missing value.</param>
    /// <param name="takes">The description of valid values: <c>a host name of at least three labels</c>.</param>
    public static Problem Invalid(string name, string? got, string takes) =>
        Invalid([new(name, $"got {Quote(got)}, takes {takes}.")]);

    /// <summary>Several values are wrong. The answer names all of them.</summary>
    public static Problem Invalid(IReadOnlyList<InputError> errors) =>
        new Problem(
            ProblemType.InvalidValue, string.Join(" ", errors.Select(error => $"{error.Name}: {error.Detail}")))
            .With("errors", errors);

    /// <summary>The request contradicts stored data.</summary>
    /// <param name="detail">The contradiction and the remedy.</param>
    public static Problem Conflict(string detail) => new(ProblemType.Conflict, detail);

    /// <summary>DNS does not have the record that makes a name a tracking domain.</summary>
    /// <param name="detail">The records in DNS and the remedy, for people.</param>
    public static Problem DomainNotVerified(string detail) => new(ProblemType.DomainNotVerified, detail);

    /// <summary>The place where a list is to go on is not known any more.</summary>
    /// <param name="detail">Why, and the remedy.</param>
    public static Problem CursorExpired(string detail) => new(ProblemType.CursorExpired, detail);

    /// <summary>The body, or a part of it, is longer than allowed.</summary>
    /// <param name="what">The part that is too large: <c>message</c>.</param>
    /// <param name="limitBytes">The limit, bytes.</param>
    public static Problem TooLarge(string what, long limitBytes) =>
        new Problem(ProblemType.TooLarge, $"The {what} is larger than {limitBytes} bytes.").With("limit", limitBytes);

    /// <summary>The API does not read the body's media type.</summary>
    /// <param name="got">The given content type.</param>
    /// <param name="wants">The media types that the API reads.</param>
    public static Problem UnsupportedMediaType(string? got, params IEnumerable<string> wants) =>
        new(ProblemType.UnsupportedMediaType, $"Content-Type: got {Quote(got)}, takes {string.Join(" or ", wants)}.");

    /// <summary>The API cannot produce any of the requested media types.</summary>
    /// <param name="got">The given <c>Accept</c> header.</param>
    /// <param name="has">The media types that the API produces.</param>
    public static Problem NotAcceptable(string? got, params IEnumerable<string> has) =>
        new(ProblemType.NotAcceptable, $"Accept: got {Quote(got)}, takes one of {string.Join(", ", has)}.");

    /// <summary>The request has no API key, or an invalid one. The answer does not say why the key is
    /// invalid.</summary>
    /// <param name="keyGiven">Whether the request has a key.</param>
    public static Problem Unauthorized(bool keyGiven) => keyGiven
        ? new(
            ProblemType.Unauthorized,
            "Authorization: the key is unknown, revoked, or its cluster is deleted; takes 'Bearer trk_…'.")
        {
            Challenge = "Bearer realm=\"tracking\", error=\"invalid_token\"",
        }
        : new(
            ProblemType.Unauthorized,
            "Authorization: not given, takes 'Bearer trk_…'. A key in the URL is not accepted.");

    /// <summary>The key is valid but does not allow this request.</summary>
    /// <param name="detail">The missing right, and the kind of key that has it.</param>
    public static Problem Forbidden(string detail) => new(ProblemType.Forbidden, detail);

    /// <summary>A necessary part is unavailable.</summary>
    /// <param name="what">The unavailable part: <c>The database</c>.</param>
    /// <param name="retryAfter">When to try again.</param>
    public static Problem Unavailable(string what, TimeSpan retryAfter) =>
        Busy($"{what} is not available", retryAfter);

    /// <summary>There are no resources for the request at present.</summary>
    /// <param name="why">Which use takes the resources.</param>
    /// <param name="retryAfter">When to try again.</param>
    public static Problem Busy(string why, TimeSpan retryAfter) =>
        new(ProblemType.Unavailable, $"{why}; nothing is wrong with the request, send it again.")
        {
            RetryAfter = retryAfter,
        };

    /// <summary>The body did not arrive in time.</summary>
    /// <param name="what">The late part: <c>message</c>.</param>
    /// <param name="limit">The longest time.</param>
    public static Problem TooSlow(string what, TimeSpan limit) => new(
        ProblemType.RequestTimeout,
        string.Create(CultureInfo.InvariantCulture, $"The {what} did not arrive within {limit.TotalSeconds} s."));

    /// <summary>Too many requests.</summary>
    /// <param name="limit">The limit in words: <c>100 requests a minute</c>.</param>
    /// <param name="retryAfter">When to try again.</param>
    public static Problem TooMany(string limit, TimeSpan retryAfter) =>
        new(ProblemType.TooManyRequests, $"The limit is {limit}.") { RetryAfter = retryAfter };

    /// <summary>The database needed longer than a request may take.</summary>
    /// <param name="limit">The longest time.</param>
    public static Problem TooExpensive(TimeSpan limit) => new(
        ProblemType.TooExpensive,
        string.Create(CultureInfo.InvariantCulture, $"Reading this takes longer than {limit.TotalSeconds} s, the most ")
            + "that a request may take; takes a shorter range (from, to) or a narrower filter.");

    /// <summary>The request cannot be read.</summary>
    /// <param name="detail">The unreadable part, its place, and the expected form.</param>
    public static Problem Malformed(string detail) => new(ProblemType.MalformedRequest, detail);

    /// <summary>Adds problem details for errors outside the endpoints; a second call changes nothing.</summary>
    public static IHostApplicationBuilder AddProblems(this IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service => service.ImplementationType == typeof(ExplainExceptions)))
        {
            return builder;
        }

        builder.Services.AddProblemDetails(options => options.CustomizeProblemDetails = context => Name(context));
        builder.Services.AddExceptionHandler<ExplainExceptions>();
        // Otherwise, outside development, a parameter that cannot be bound gives an empty 400.
        builder.Services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        return builder;
    }

    /// <summary>Answers errors of all later middleware with problems; a second call changes nothing.</summary>
    public static WebApplication UseProblems(this WebApplication app)
    {
        if (!((IApplicationBuilder)app).Properties.TryAdd(nameof(UseProblems), true))
        {
            return app;
        }

        app.UseExceptionHandler();
        app.UseStatusCodePages(context => ForStatus(context.HttpContext).ExecuteAsync(context.HttpContext));
        return app;
    }

    /// <summary>A given text in the form for an answer; <c>nothing</c> for a missing text.</summary>
    public static string Quote(string? text) => text switch
    {
        null => "nothing",
        // Long input is cut: the client knows its input, and the answer need not repeat all of it.
        { Length: > MaxQuoted } => $"'{text.AsSpan(0, MaxQuoted)}…'",
        _ => $"'{text}'",
    };

    /// <summary>The problem for an answer that a middleware left without a body.</summary>
    private static Problem ForStatus(HttpContext context)
    {
        var (request, type) = (context.Request, ProblemType.ForStatus(context.Response.StatusCode));
        var detail = type.Status switch
        {
            401 => Unauthorized(context.Request.Headers.Authorization.Count != 0).Detail,
            404 => $"There is nothing at {request.Path}.",
            405 => $"{request.Method} is not allowed at {request.Path}; allowed: {context.Response.Headers.Allow}.",
            415 => $"Content-Type: got {Quote(request.ContentType)}, which is not understood here.",
            _ => type.Title + ".",
        };
        return new(type, detail);
    }

    /// <summary>Gives one of our types to a problem of the framework.</summary>
    private static void Name(ProblemDetailsContext context)
    {
        var problem = context.ProblemDetails;
        if (problem.Type?.StartsWith(ProblemType.Prefix, StringComparison.Ordinal) != true)
        {
            var type = ProblemType.ForStatus(problem.Status ?? context.HttpContext.Response.StatusCode);
            (problem.Type, problem.Title) = (type.Uri, type.Title);
        }
    }
}

/// <summary>One error in a request.</summary>
/// <param name="Name">The input: a property's path, a query parameter, a header.</param>
/// <param name="Detail">The error and the remedy.</param>
public sealed record InputError(string Name, string Detail);

namespace Tracking.Api;

/// <summary>
/// A kind of problem in the API's answers. Clients decide by its name, so a released name keeps its meaning.
/// docs/problems.md lists all names with their meaning.
/// </summary>
/// <param name="Name">The name in kebab case. Answers contain <see cref="Uri"/>.</param>
/// <param name="Status">The HTTP status of the answer.</param>
/// <param name="Title">A short summary, the same for every occurrence.</param>
public sealed record ProblemType(string Name, int Status, string Title)
{
    /// <summary>The beginning of every type.</summary>
    public const string Prefix = "urn:tracking:problem:";

    /// <summary>400: a value in the request is invalid.</summary>
    public static readonly ProblemType InvalidValue = new("invalid-value", 400, "A value is not valid");

    /// <summary>400: the request cannot be read, for example its JSON.</summary>
    public static readonly ProblemType MalformedRequest = new("malformed-request", 400, "The request cannot be read");

    /// <summary>401: no API key, or not a valid one.</summary>
    public static readonly ProblemType Unauthorized = new("unauthorized", 401, "A working API key is needed");

    /// <summary>403: the key is valid but does not allow this request.</summary>
    public static readonly ProblemType Forbidden = new("forbidden", 403, "The API key does not allow this");

    /// <summary>404: the object does not exist, or this key may not see it.</summary>
    public static readonly ProblemType NotFound = new("not-found", 404, "Not found");

    /// <summary>404: no endpoint has this path.</summary>
    public static readonly ProblemType UnknownPath = new("unknown-path", 404, "There is no such path");

    /// <summary>405: the path exists, but not with this method.</summary>
    public static readonly ProblemType MethodNotAllowed =
        new("method-not-allowed", 405, "The method is not allowed here");

    /// <summary>406: the API cannot produce any of the requested media types.</summary>
    public static readonly ProblemType NotAcceptable = new("not-acceptable", 406, "No acceptable media type");

    /// <summary>408: the request did not arrive in time.</summary>
    public static readonly ProblemType RequestTimeout =
        new("request-timeout", 408, "The request took too long to arrive");

    /// <summary>409: the request contradicts stored data.</summary>
    public static readonly ProblemType Conflict = new("conflict", 409, "It contradicts what is stored");

    /// <summary>409: DNS does not have the record that makes the name a tracking domain.</summary>
    public static readonly ProblemType DomainNotVerified =
        new("domain-not-verified", 409, "The tracking domain is not verified");

    /// <summary>410: the place in a list is not known any more.</summary>
    public static readonly ProblemType CursorExpired = new("cursor-expired", 410, "The place is not known any more");

    /// <summary>413: the body is longer than allowed.</summary>
    public static readonly ProblemType TooLarge = new("too-large", 413, "The request is too large");

    /// <summary>415: the API does not read the body's media type.</summary>
    public static readonly ProblemType UnsupportedMediaType =
        new("unsupported-media-type", 415, "The media type is not supported");

    /// <summary>422: reading takes longer than a request may take.</summary>
    public static readonly ProblemType TooExpensive = new("too-expensive", 422, "It takes too long to read");

    /// <summary>429: too many requests at present.</summary>
    public static readonly ProblemType TooManyRequests = new("too-many-requests", 429, "Too many requests");

    /// <summary>500: a bug. The log has the details under the trace id of the answer.</summary>
    public static readonly ProblemType Internal = new("internal", 500, "Something went wrong here");

    /// <summary>502: the service behind the gateway received the request and did not answer.</summary>
    public static readonly ProblemType Unanswered = new("unanswered", 502, "The service did not answer");

    /// <summary>503: a necessary part is unavailable at present.</summary>
    public static readonly ProblemType Unavailable = new("unavailable", 503, "Not available at the moment");

    /// <summary>All types.</summary>
    public static IReadOnlyList<ProblemType> All { get; } =
    [
        InvalidValue, MalformedRequest, Unauthorized, Forbidden, NotFound, UnknownPath, MethodNotAllowed,
        NotAcceptable, RequestTimeout, Conflict, DomainNotVerified, CursorExpired, TooLarge, UnsupportedMediaType,
        TooExpensive, TooManyRequests, Internal,
        Unanswered, Unavailable,
    ];

    /// <summary>The <c>type</c> member of RFC 9457.</summary>
    public string Uri => Prefix + Name;

    /// <summary>The type for an answer with this status and without a type.</summary>
    internal static ProblemType ForStatus(int status) => status switch
    {
        400 => MalformedRequest,
        404 => UnknownPath,
        502 or 504 => Unanswered,
        >= 500 and not 503 => Internal,
        _ => All.FirstOrDefault(type => type.Status == status) ?? MalformedRequest,
    };
}

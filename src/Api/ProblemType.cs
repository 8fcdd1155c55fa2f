namespace Tracking.Api;

/// <summary>
/// A kind of problem that the API can answer with. Its name is part of the interface: clients decide by it, so a name
/// once released keeps its meaning. All of them are listed with their meaning in docs/problems.md.
/// </summary>
/// <param name="Name">Kebab case; <see cref="Uri"/> is what stands in the answer.</param>
/// <param name="Status">The HTTP status it comes with.</param>
/// <param name="Title">A short summary, the same for every occurrence.</param>
public sealed record ProblemType(string Name, int Status, string Title)
{
    /// <summary>What every type begins with.</summary>
    public const string Prefix = "urn:tracking:problem:";

    /// <summary>400: a value in the request is not what it takes.</summary>
    public static readonly ProblemType InvalidValue = new("invalid-value", 400, "A value is not valid");

    /// <summary>400: the request itself cannot be read, its JSON for one.</summary>
    public static readonly ProblemType MalformedRequest = new("malformed-request", 400, "The request cannot be read");

    /// <summary>401: no API key, or not a valid one.</summary>
    public static readonly ProblemType Unauthorized = new("unauthorized", 401, "A working API key is needed");

    /// <summary>403: the key is valid, but not for this.</summary>
    public static readonly ProblemType Forbidden = new("forbidden", 403, "The API key does not allow this");

    /// <summary>404: no such thing, or not with this key.</summary>
    public static readonly ProblemType NotFound = new("not-found", 404, "Not found");

    /// <summary>404: no endpoint has this path.</summary>
    public static readonly ProblemType UnknownPath = new("unknown-path", 404, "There is no such path");

    /// <summary>405: the path exists, but not with this method.</summary>
    public static readonly ProblemType MethodNotAllowed =
        new("method-not-allowed", 405, "The method is not allowed here");

    /// <summary>406: none of the media types asked for can be produced.</summary>
    public static readonly ProblemType NotAcceptable = new("not-acceptable", 406, "No acceptable media type");

    /// <summary>408: the request did not arrive in time.</summary>
    public static readonly ProblemType RequestTimeout =
        new("request-timeout", 408, "The request took too long to arrive");

    /// <summary>409: contradicts what is stored.</summary>
    public static readonly ProblemType Conflict = new("conflict", 409, "It contradicts what is stored");

    /// <summary>409: DNS does not say what makes the name a tracking domain.</summary>
    public static readonly ProblemType DomainNotVerified =
        new("domain-not-verified", 409, "The tracking domain is not verified");

    /// <summary>413: the body is longer than allowed.</summary>
    public static readonly ProblemType TooLarge = new("too-large", 413, "The request is too large");

    /// <summary>415: the body's media type is not one that is understood.</summary>
    public static readonly ProblemType UnsupportedMediaType =
        new("unsupported-media-type", 415, "The media type is not supported");

    /// <summary>422: takes longer to read than a request may.</summary>
    public static readonly ProblemType TooExpensive = new("too-expensive", 422, "It takes too long to read");

    /// <summary>429: too many requests for now.</summary>
    public static readonly ProblemType TooManyRequests = new("too-many-requests", 429, "Too many requests");

    /// <summary>500: a bug. The log has the rest, under the trace id in the answer.</summary>
    public static readonly ProblemType Internal = new("internal", 500, "Something went wrong here");

    /// <summary>502: the service behind the gateway was asked and went without an answer.</summary>
    public static readonly ProblemType Unanswered = new("unanswered", 502, "The service did not answer");

    /// <summary>503: something needed is away for the moment.</summary>
    public static readonly ProblemType Unavailable = new("unavailable", 503, "Not available at the moment");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ProblemType> All { get; } =
    [
        InvalidValue, MalformedRequest, Unauthorized, Forbidden, NotFound, UnknownPath, MethodNotAllowed,
        NotAcceptable, RequestTimeout, Conflict, DomainNotVerified, TooLarge, UnsupportedMediaType, TooExpensive, TooManyRequests, Internal,
        Unanswered, Unavailable,
    ];

    /// <summary>The <c>type</c> member of RFC 9457.</summary>
    public string Uri => Prefix + Name;

    /// <summary>The type for a status that came without one.</summary>
    internal static ProblemType ForStatus(int status) => status switch
    {
        400 => MalformedRequest,
        404 => UnknownPath,
        502 or 504 => Unanswered,
        >= 500 and not 503 => Internal,
        _ => All.FirstOrDefault(type => type.Status == status) ?? MalformedRequest,
    };
}

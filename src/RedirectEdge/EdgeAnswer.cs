using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Tracking.RedirectEdge.Opens;

namespace Tracking.RedirectEdge;

/// <summary>
/// Writes the answer of an outcome. Recipients of mail see these pages, so they are small and static and do not explain
/// the reason: every kind of "unknown" has the same bytes. A request for an image gets an image, because a mail program
/// would show a page as a broken image.
/// </summary>
internal static class EdgeAnswer
{
    private const string ReferrerPolicy = "Referrer-Policy";
    private const string Html = "text/html; charset=utf-8";
    private const string Json = "application/json";
    private const string Text = "text/plain; charset=utf-8";

    private static readonly StringValues _noStore = "no-store";

    // No referrer at all, instead of the origin: the destination learns neither the token nor the tracking host, and
    // the answer does not depend on how a client combines referrers and redirects.
    private static readonly StringValues _noReferrer = "no-referrer";
    private static readonly StringValues _methods = "GET, HEAD";

    // Long enough to spare a returning store, and short enough for a person who tries again.
    private static readonly StringValues _retryAfterSeconds = "5";

    private static readonly byte[] _helloPage = "Hello."u8.ToArray();
    private static readonly byte[] _robotsPage = "User-agent: *\nDisallow: /\n"u8.ToArray();
    private static readonly byte[] _unknownPage =
        "<!doctype html><title>Not found</title><p>There is nothing at this address.\n"u8.ToArray();
    private static readonly byte[] _methodPage =
        "<!doctype html><title>Not allowed</title><p>This address can only be opened.\n"u8.ToArray();
    private static readonly byte[] _blockedPage =
        "<!doctype html><title>Switched off</title><p>This link has been switched off.\n"u8.ToArray();
    private static readonly byte[] _tooManyPage =
        "<!doctype html><title>Wait</title><p>Too many requests. Please wait a moment.\n"u8.ToArray();
    private static readonly byte[] _unavailablePage =
        "<!doctype html><title>Try again</title><p>This link cannot be opened now. Please try again.\n"u8.ToArray();

    /// <summary>Answers a request that is not served, and counts it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="meters">Counts it.</param>
    /// <param name="outcome">Why it is not served.</param>
    /// <param name="isPicture">Whether an image was requested: a mail program would show a page as a broken
    /// image.</param>
    public static void Refuse(HttpContext context, EdgeMeters meters, EdgeOutcome outcome, bool isPicture)
    {
        meters.Refused(outcome);
        Write(context, outcome, isPicture: isPicture);
    }

    /// <summary>Makes 307 of 302: what systems whose links are imported answer (RFC 9110 §15.4.8). Nothing is sent
    /// before the request's task ends.</summary>
    public static void KeepMethod(HttpContext context)
    {
        if (context.Response.StatusCode == StatusCodes.Status302Found)
        {
            context.Response.StatusCode = StatusCodes.Status307TemporaryRedirect;
        }
    }

    /// <summary>Answers with an app-association file: 200 without a redirect, as telephones want it.</summary>
    public static void WriteAppFile(HttpContext context, byte[] json)
    {
        context.Response.Headers.CacheControl = _noStore;
        WriteBody(context, StatusCodes.Status200OK, Json, json);
    }

    /// <summary>Sets status and headers and writes the body, except for <c>HEAD</c>.</summary>
    /// <param name="context">The request.</param>
    /// <param name="outcome">The outcome of the request.</param>
    /// <param name="location">The destination, for <see cref="EdgeOutcome.Redirect"/>.</param>
    /// <param name="isPicture">Whether a refusal is answered with the pixel instead of a page.</param>
    public static void Write(
        HttpContext context, EdgeOutcome outcome, string? location = null, bool isPicture = false)
    {
        var response = context.Response;
        var headers = response.Headers;
        headers.CacheControl = _noStore;
        headers[ReferrerPolicy] = _noReferrer;
        switch (outcome)
        {
            case EdgeOutcome.Redirect:
                response.StatusCode = StatusCodes.Status302Found;
                headers.Location = location;
                headers.ContentLength = 0;
                break;
            case EdgeOutcome.Pixel:
                WriteBody(context, StatusCodes.Status200OK, ServePixel.ContentType, ServePixel.Gif);
                break;
            case EdgeOutcome.Hello:
                WriteBody(context, StatusCodes.Status200OK, Text, _helloPage);
                break;
            case EdgeOutcome.Robots:
                WriteBody(context, StatusCodes.Status200OK, Text, _robotsPage);
                break;
            case EdgeOutcome.MethodNotAllowed:
                headers.Allow = _methods;
                WriteBody(context, StatusCodes.Status405MethodNotAllowed, Html, _methodPage);
                break;
            case EdgeOutcome.Unavailable:
                headers.RetryAfter = _retryAfterSeconds;
                WriteRefusal(context, StatusCodes.Status503ServiceUnavailable, _unavailablePage, isPicture);
                break;
            case EdgeOutcome.Blocked:
                WriteRefusal(context, StatusCodes.Status410Gone, _blockedPage, isPicture);
                break;
            case EdgeOutcome.TooManyInvalid:
                headers.RetryAfter = _retryAfterSeconds;
                WriteRefusal(context, StatusCodes.Status429TooManyRequests, _tooManyPage, isPicture);
                break;
            default:
                WriteRefusal(context, StatusCodes.Status404NotFound, _unknownPage, isPicture);
                break;
        }
    }

    private static void WriteRefusal(HttpContext context, int status, byte[] page, bool isPicture) => WriteBody(
        context, status, isPicture ? ServePixel.ContentType : Html, isPicture ? ServePixel.Gif : page);

    private static void WriteBody(HttpContext context, int status, string contentType, byte[] body)
    {
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = contentType;
        response.ContentLength = body.Length;
        if (context.Request.Method == HttpMethods.Head)
        {
            return;
        }

        // Only buffered: the server sends the body when the request's task ends, which is after the event has been
        // written.
        response.BodyWriter.Write(body);
    }
}

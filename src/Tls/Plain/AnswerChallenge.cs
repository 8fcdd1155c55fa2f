using System.Text;
using Microsoft.AspNetCore.Http;
using Tracking.Tls.Certificates;
using Tracking.Tls.Challenges;

namespace Tracking.Tls.Plain;

/// <summary>
/// Answers http-01 (RFC 8555 8.3) for each of our names in every state, with the thumbprint of the account's key. So
/// every process can answer without knowing the challenge, and while the database is away. The answer is no secret:
/// only the holder of the account's key has a use for it. Authorities ask from several places at once.
/// </summary>
internal sealed class AnswerChallenge(
    SelectCertificate hosts, TlsMeters meters, IChallengeThumbprints? thumbprints = null)
{
    /// <summary>The path on which authorities ask.</summary>
    public const string Path = "/.well-known/acme-challenge/";

    /// <summary>Whether a request is for a challenge.</summary>
    public bool IsFor(HttpContext context) =>
        thumbprints is not null
        && context.Request.Path.Value is { } path && path.StartsWith(Path, StringComparison.Ordinal);

    /// <summary>Answers the challenge. Without an account the request is passed on, because another service may answer
    /// it.</summary>
    public async Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        var token = context.Request.Path.Value![Path.Length..];
        var name = ServePlain.TryName(context.Request.Host, out var host) ? host : default;
        if (thumbprints!.Find(name, token) is not { } thumbprint)
        {
            await next(context);
            return;
        }

        if (!KeyAuthorization.IsToken(token)
            || !(HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method))
            || name == default
            || await hosts.LearnStandingAsync(name) is HostStanding.Unsaid or HostStanding.Unknown)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            context.Response.ContentLength = 0;
            return;
        }

        meters.Challenges.Add(1, new KeyValuePair<string, object?>("type", "http-01"));
        var answer = Encoding.ASCII.GetBytes(KeyAuthorization.Of(token, thumbprint));
        var response = context.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "text/plain";
        response.ContentLength = answer.Length;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.CacheControl = "no-store";
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.BodyWriter.WriteAsync(answer);
        }
    }
}

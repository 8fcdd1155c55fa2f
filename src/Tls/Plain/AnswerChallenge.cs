using System.Text;
using Microsoft.AspNetCore.Http;
using Tracking.Tls.Certificates;
using Tracking.Tls.Challenges;

namespace Tracking.Tls.Plain;

/// <summary>
/// Answers http-01 (RFC 8555 8.3) for every name that is ours, in whatever state, from the account key's thumbprint
/// alone: any process can, without having heard of the challenge and while the database is away. It gives nothing away:
/// only who has the account's key has a use for the answer. Authorities ask from several places at once.
/// </summary>
internal sealed class AnswerChallenge(
    SelectCertificate hosts, TlsMeters meters, IChallengeThumbprints? thumbprints = null)
{
    /// <summary>Where authorities ask.</summary>
    public const string Path = "/.well-known/acme-challenge/";

    /// <summary>Whether an authority asks.</summary>
    public bool IsFor(HttpContext context) =>
        thumbprints is not null
        && context.Request.Path.Value is { } path && path.StartsWith(Path, StringComparison.Ordinal);

    /// <summary>Answers, or goes on where there is no account: another service may know.</summary>
    public async Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        var token = context.Request.Path.Value![Path.Length..];
        if (!KeyAuthorization.IsToken(token)
            || !(HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method))
            || !ServePlain.TryName(context.Request.Host, out var name)
            || await hosts.LearnStandingAsync(name) is HostStanding.Unsaid or HostStanding.Unknown)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            context.Response.ContentLength = 0;
            return;
        }

        if (thumbprints!.Find(name, token) is not { } thumbprint)
        {
            await next(context);
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

using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Tracking.Links;
using Tracking.Tls.Certificates;
using Tracking.Tls.Connections;

namespace Tracking.Tls.Plain;

/// <summary>
/// Handles a request's host and connection before its path is read. Without TLS, challenges are answered and never
/// redirected, and other requests are redirected to https if the host has a valid certificate. With TLS, the host must
/// be the one of the handshake, and HSTS is set.
/// </summary>
internal sealed class ServePlain(
    SelectCertificate certificates,
    AnswerChallenge challenges,
    InsistOnHttps insist,
    HttpsAddress https,
    TimeProvider time)
{
    private static readonly StringValues _noStore = "no-store";

    /// <summary>Answers the request, or passes it on.</summary>
    public Task ServeAsync(HttpContext context, RequestDelegate next)
    {
        if (challenges.IsFor(context))
        {
            return challenges.AnswerAsync(context, next);
        }

        if (context.Features.Get<ClientHello>() is not { } hello)
        {
            if (!MayBeRedirected(context) || !TryName(context.Request.Host, out var name))
            {
                return next(context);
            }

            return certificates.StandingOf(name) switch
            {
                HostStanding.ActiveWithHttps => RedirectAsync(context, name, next),
                HostStanding.Unsaid => LearnAndServeAsync(context, name, next),
                _ => next(context),
            };
        }

        if (hello.Form == ServerNameForm.Name && !IsSame(context.Request.Host.Value, hello.Name.Value))
        {
            // RFC 9110 15.5.20: a client that used the connection for another name opens a new one.
            context.Response.StatusCode = StatusCodes.Status421MisdirectedRequest;
            context.Response.ContentLength = 0;
            return Task.CompletedTask;
        }

        insist.Tell(context, hello);
        return next(context);
    }

    /// <summary>The host of a request without its port and final dot, as bytes of the handshake have it.</summary>
    internal static bool IsSame(ReadOnlySpan<char> host, ReadOnlySpan<char> name) =>
        WithoutPort(host).Equals(name, StringComparison.OrdinalIgnoreCase);

    internal static bool TryName(HostString host, out HostName name) =>
        HostName.TryParse(WithoutPort(host.Value).ToString(), out name);

    private static ReadOnlySpan<char> WithoutPort(ReadOnlySpan<char> host)
    {
        var end = host.StartsWith("[") ? host.IndexOf(']') + 1 : host.IndexOf(':');
        host = end > 0 ? host[..end] : host;
        return host.EndsWith(".") ? host[..^1] : host;
    }

    // "/" answers Hello. to everybody, so that an operator sees that a name leads here, and health checks are for
    // machines. A request whose proxy has ended TLS would be redirected for ever. A client that only pretends this is
    // not redirected.
    private bool MayBeRedirected(HttpContext context) =>
        https.IsServed
        && context.Request.Path.Value is { } path && path != "/"
        && !path.StartsWith("/health", StringComparison.OrdinalIgnoreCase)
        && context.Request.Headers["X-Forwarded-Proto"] != "https";

    private async Task LearnAndServeAsync(HttpContext context, HostName name, RequestDelegate next) =>
        await (await certificates.LearnStandingAsync(name) == HostStanding.ActiveWithHttps
            ? RedirectAsync(context, name, next)
            : next(context));

    private async Task RedirectAsync(HttpContext context, HostName name, RequestDelegate next)
    {
        var (outcome, certificate) = await certificates.FindAsync(name, context.RequestAborted);
        var isValid = false;
        if (outcome == SelectOutcome.Found)
        {
            var now = time.GetUtcNow().UtcDateTime;
            isValid = !certificate!.IsSelfSigned && certificate.NotBefore <= now && now < certificate.NotAfter;
            certificate.GiveBack();
        }

        // The path is sent back byte for byte, because a link's path may contain a token or the customer's own path.
        var target = Target(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        if (!isValid || target is null)
        {
            await next(context);
            return;
        }

        // The redirect must not be cached: a name may go back to http.
        context.Response.StatusCode = HttpMethods.IsGet(context.Request.Method)
            || HttpMethods.IsHead(context.Request.Method)
            ? StatusCodes.Status301MovedPermanently
            : StatusCodes.Status308PermanentRedirect;
        context.Response.Headers.Location = $"https://{name}{https.PortFor(context.Request.Host)}{target}";
        context.Response.Headers.CacheControl = _noStore;
        context.Response.ContentLength = 0;
    }

    /// <returns>Path and query; <see langword="null"/> if they may not stand in a header.</returns>
    private static string? Target(string raw)
    {
        if (!raw.StartsWith('/'))
        {
            // The absolute form (RFC 9112 3.2.2).
            var authority = raw.IndexOf("://", StringComparison.Ordinal);
            var path = authority < 0 ? -1 : raw.IndexOf('/', authority + 3);
            raw = path < 0 ? "" : raw[path..];
        }

        return raw.Length > 0 && !raw.AsSpan().ContainsAnyExceptInRange('!', '~') ? raw : null;
    }
}

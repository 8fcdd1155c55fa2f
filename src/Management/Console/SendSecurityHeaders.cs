using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Tracking.Management.Console;

/// <summary>
/// Sends the security headers with every answer of this port: pages, the API, errors, and answers with status 404.
/// Browsers run and show only files from this origin. There is no exception for inline scripts or styles.
/// </summary>
public static class SendSecurityHeaders
{
    /// <summary>The Content-Security-Policy (CSP level 3).</summary>
    public const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        + "connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        + "object-src 'none'";

    private static readonly object _instead = new();

    /// <summary>Gives a successful answer its own policy: for a document that other people wrote and that is shown in a
    /// frame.</summary>
    public static void Instead(HttpContext context, string policy) => context.Items[_instead] = policy;

    /// <summary>Sends the headers for all middleware after this.</summary>
    public static WebApplication UseSecurityHeaders(this WebApplication app)
    {
        app.Use((context, next) =>
        {
            // The headers are set at the last moment, because the handler of an exception begins with empty headers.
            context.Response.OnStarting(
                static state =>
                {
                    var response = (Microsoft.AspNetCore.Http.HttpResponse)state;
                    var headers = response.Headers;
                    headers.ContentSecurityPolicy =
                        response.StatusCode == 200 && response.HttpContext.Items[_instead] is string own ? own : Policy;
                    headers.XContentTypeOptions = "nosniff";
                    headers["Referrer-Policy"] = "same-origin";
                    headers["Cross-Origin-Opener-Policy"] = "same-origin";
                    headers["Cross-Origin-Resource-Policy"] = "same-origin";
                    if (Microsoft.Extensions.Primitives.StringValues.IsNullOrEmpty(headers.CacheControl))
                    {
                        // An answer may be private to the requester, so no cache may keep it.
                        headers.CacheControl = "no-store";
                    }

                    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
                    return Task.CompletedTask;
                },
                context.Response);
            return next(context);
        });
        return app;
    }
}

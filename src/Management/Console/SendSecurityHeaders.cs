using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Tracking.Management.Console;

/// <summary>
/// What browsers are told with every answer of this port: pages, the API, errors, what is not there. Nothing runs or is
/// drawn that does not come from here as a file; there is no exception for inline scripts or styles.
/// </summary>
public static class SendSecurityHeaders
{
    /// <summary>The Content-Security-Policy (CSP level 3).</summary>
    public const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        + "connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        + "object-src 'none'";

    private static readonly object _instead = new();

    /// <summary>Gives one answer a policy of its own, unless it fails: a document that others wrote, in a
    /// frame.</summary>
    public static void Instead(HttpContext context, string policy) => context.Items[_instead] = policy;

    /// <summary>Sends them from here on down the pipeline.</summary>
    public static WebApplication UseSecurityHeaders(this WebApplication app)
    {
        app.Use((context, next) =>
        {
            // At the last moment: whoever answers an exception begins with empty headers.
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
                        // Answers belong to whoever asked: no cache on the way may keep them.
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

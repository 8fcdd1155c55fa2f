using Microsoft.AspNetCore.Http.Features;
using Tracking.RedirectEdge;
using Tracking.ServiceDefaults.Settings;
using Yarp.ReverseProxy.Forwarder;

namespace Tracking.Gateway.Routing;

/// <summary>
/// A request whose copy of a service cannot be reached goes to the next copy: one that stops, or has gone a moment ago,
/// refuses nobody. Only where it is certain that no copy has processed the request: no connection came about, or the
/// copy says so (REFUSED_STREAM, RFC 9113 8.7; streams above a GOAWAY's the client itself sends again). One that was
/// reached may have recorded the click or registered the message. When no copy can be reached the answer is 503; one
/// that went without an answer is a 502, and to recipients, who are people, a page in either case.
/// </summary>
internal sealed class TryAnotherCopy(RequestDelegate next)
{
    // A service takes a few seconds to start.
    private const string RetryAfterSeconds = "5";

    // RFC 9113 7.
    private const long RefusedStream = 7;

    /// <summary>Proxies a request.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        var wasReached = await TryCopiesAsync(context);
        if (context.Response.HasStarted || context.GetForwarderErrorFeature() is null
            || context.RequestAborted.IsCancellationRequested)
        {
            return;
        }

        if (context.GetReverseProxyFeature().Cluster.Config.ClusterId == ServiceNames.Edge)
        {
            EdgeAnswer.Write(context, EdgeOutcome.Unavailable);
        }
        else if (!wasReached)
        {
            // Nobody has seen the request: it may be sent again.
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = RetryAfterSeconds;
        }
    }

    private async Task<bool> TryCopiesAsync(HttpContext context)
    {
        await next(context);
        if (!WasNotReached(context))
        {
            return true;
        }

        var proxy = context.GetReverseProxyFeature();
        var untried = proxy.AllDestinations.ToList();
        while (proxy.ProxiedDestination is { } tried && untried.Remove(tried) && untried.Count > 0)
        {
            context.Features.Set<IForwarderErrorFeature>(null);
            context.Response.StatusCode = StatusCodes.Status200OK;
            proxy.ProxiedDestination = null;
            proxy.AvailableDestinations = untried;
            await next(context);
            if (!WasNotReached(context))
            {
                return true;
            }
        }

        return false;
    }

    private static bool WasNotReached(HttpContext context) =>
        !context.Response.HasStarted
        && context.GetForwarderErrorFeature()?.Exception is HttpRequestException exception
        && (
            // Neither comes of a connection that has carried a request: the tests end one at every step.
            exception.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            || (exception.InnerException is HttpProtocolException { ErrorCode: RefusedStream }
                && !MayHaveBody(context)));

    // What has been read of a body is gone.
    private static bool MayHaveBody(HttpContext context) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? true;
}

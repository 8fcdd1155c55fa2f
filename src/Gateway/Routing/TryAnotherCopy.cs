using Microsoft.AspNetCore.Http.Features;
using Tracking.RedirectEdge;
using Tracking.ServiceDefaults.Settings;
using Yarp.ReverseProxy.Forwarder;

namespace Tracking.Gateway.Routing;

/// <summary>
/// Sends a request to the next copy of a service when a copy cannot be reached, so that a stopping copy refuses no
/// client. It does so only when certainly no copy has processed the request: the connection failed, or the copy says so
/// (REFUSED_STREAM, RFC 9113 8.7; the client itself repeats streams above a GOAWAY). A copy that was reached may have
/// recorded the click or registered the message. When no copy can be reached the answer is 503. A request without an
/// answer is a 502. Recipients are people, so for them both answers are a page.
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
            // No copy has seen the request, so it may be sent again.
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
            // A connection that has carried a request gives neither error: the tests end a connection at every step.
            exception.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            || (exception.InnerException is HttpProtocolException { ErrorCode: RefusedStream }
                && !MayHaveBody(context)));

    // The part of a body that has been read cannot be sent again.
    private static bool MayHaveBody(HttpContext context) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? true;
}

using Yarp.ReverseProxy.Forwarder;

namespace Tracking.Gateway.Routing;

/// <summary>
/// A request whose copy of a service cannot be reached goes to the next copy: one that stops, or has gone a moment ago,
/// refuses nobody. Only where no connection came about: a copy that was reached may have recorded the click or
/// registered the message, and to ask another would count it twice. When no copy can be reached the answer is 503.
/// </summary>
internal sealed class TryAnotherCopy(RequestDelegate next)
{
    // A service takes a few seconds to start.
    private const string RetryAfterSeconds = "5";

    /// <summary>Proxies a request.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        await next(context);
        if (!WasNotReached(context))
        {
            return;
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
                return;
            }
        }

        // Nobody has seen the request: it may be sent again.
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = RetryAfterSeconds;
    }

    private static bool WasNotReached(HttpContext context) =>
        !context.Response.HasStarted
        && context.GetForwarderErrorFeature()?.Exception is HttpRequestException
        {
            HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError,
        };
}

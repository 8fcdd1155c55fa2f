using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Tracking.ServiceDefaults;

/// <summary>
/// Adds what ASP.NET Core leaves out of its server span without the instrumentation package: route, status code, name
/// and error, by OpenTelemetry's semantic conventions for HTTP. Only there when telemetry is on.
/// </summary>
internal sealed class DescribeRequestSpans : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(DescribeAsync);
        next(app);
    };

    private static Task DescribeAsync(HttpContext context, RequestDelegate next) =>
        context.Features.Get<IHttpActivityFeature>()?.Activity is { IsAllDataRequested: true } span
            ? DescribeAsync(context, next, span)
            : next(context);

    private static async Task DescribeAsync(HttpContext context, RequestDelegate next, Activity span)
    {
        try
        {
            await next(context);
        }
        catch (Exception exception)
        {
            Describe(context, span, StatusCodes.Status500InternalServerError, exception);
            throw;
        }

        Describe(
            context, span, context.Response.StatusCode, context.Features.Get<IExceptionHandlerFeature>()?.Error);
    }

    private static void Describe(HttpContext context, Activity span, int status, Exception? exception)
    {
        var endpoint = context.GetEndpoint() ?? context.Features.Get<IExceptionHandlerFeature>()?.Endpoint;
        // Not the request's own method: any word can be one, and names must stay few.
        var method = span.GetTagItem("http.request.method") is string known and not "_OTHER" ? known : "HTTP";
        if ((endpoint as RouteEndpoint)?.RoutePattern.RawText is { } route)
        {
            span.DisplayName = $"{method} {route}";
            span.SetTag("http.route", route);
        }
        else if (span.DisplayName == span.OperationName)
        {
            // Who answers without routing (the edge) may have named its span already.
            span.DisplayName = method;
        }

        span.SetTag("http.response.status_code", status);
        if (status >= StatusCodes.Status500InternalServerError)
        {
            span.SetStatus(ActivityStatusCode.Error);
            span.SetTag(
                "error.type", exception?.GetType().FullName ?? status.ToString(CultureInfo.InvariantCulture));
        }
    }
}

using System.Diagnostics;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tracking.Api;
using Tracking.Database;

namespace Tracking.Management.Console.Pages;

/// <summary>Turns every fault into a page for people. The page explains what the fault means and what to do; it never
/// shows only a code.</summary>
internal static partial class ErrorPage
{
    /// <summary>The middleware around the pages.</summary>
    public static async Task ExplainAsync(HttpContext context, RequestDelegate next)
    {
        if (!context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal))
        {
            // The client is a program. Problem details are better for it.
            await next(context);
            return;
        }

        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client has left.
            return;
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            context.Response.Clear();
            await WriteAsync(context, Status(context, exception));
            return;
        }

        if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentLength: null, ContentType: null })
        {
            await WriteAsync(context, context.Response.StatusCode);
        }
    }

    /// <summary>Answers with the page for a status.</summary>
    public static async Task WriteAsync(HttpContext context, int status)
    {
        // A new scope is needed, because a renderer that failed cannot be used again.
        var services = context.RequestServices;
        await using var scope = services.CreateAsyncScope();
        context.RequestServices = scope.ServiceProvider;
        context.Response.StatusCode = status;
        await new RazorComponentResult<Error>(new Dictionary<string, object?>
        {
            [nameof(Error.Status)] = status,
            [nameof(Error.Trace)] = status == StatusCodes.Status500InternalServerError
                ? Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier : null,
        })
        {
            StatusCode = status,
            PreventStreamingRendering = true,
        }.ExecuteAsync(context);
        context.RequestServices = services;
    }

    private static int Status(HttpContext context, Exception exception)
    {
        if (exception is BadHttpRequestException bad)
        {
            return bad.StatusCode;
        }

        if (StoreAway.IsStatementTimeout(exception) && HttpMethods.IsGet(context.Request.Method))
        {
            return StatusCodes.Status422UnprocessableEntity;
        }

        // The key ring wraps the exception that it met while it read its keys.
        if (AnswerStoreAway.IsAway(exception) || StoreAway.IsStatementTimeout(exception)
            || (exception is CryptographicException && StoreAway.Is(exception.GetBaseException())))
        {
            return StatusCodes.Status503ServiceUnavailable;
        }

        LogFailed(
            context.RequestServices.GetRequiredService<ILogger<Error>>(),
            exception,
            context.Request.Method,
            context.Request.Path.Value,
            Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier);
        return StatusCodes.Status500InternalServerError;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The page {Method} {Path} failed, trace {Trace}")]
    private static partial void LogFailed(
        ILogger logger, Exception exception, string method, string? path, string trace);
}

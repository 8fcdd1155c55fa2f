using System.Diagnostics;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tracking.Api;
using Tracking.Database;

namespace Tracking.Management.Console.Pages;

/// <summary>Turns whatever goes wrong into a page for people: what it means and what to do, never a bare
/// code.</summary>
internal static partial class ErrorPage
{
    /// <summary>The middleware round the pages.</summary>
    public static async Task ExplainAsync(HttpContext context, RequestDelegate next)
    {
        if (!context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal))
        {
            // A program: problem details say it better.
            await next(context);
            return;
        }

        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to read it.
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
        // Anew: what draws a page is used up where one failed half-way.
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

        // The key ring wraps what it met while it was read.
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

using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Tracking.Api;

/// <summary>
/// Answers requests whose handling threw. The answer explains errors of the client and an unavailable database. Our own
/// errors are logged in full, and their answer only has the trace id of the log entry.
/// </summary>
internal sealed partial class ExplainExceptions(ILogger<ExplainExceptions> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(
        HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is OperationCanceledException && httpContext.RequestAborted.IsCancellationRequested)
        {
            // The client no longer reads. Access logs use 499 for this (nginx).
            httpContext.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }

        var problem = exception is BadHttpRequestException bad
            ? Explain(httpContext, bad)
            : AnswerStoreAway.Explain(httpContext, exception) ?? Internal();
        if (problem.Type == ProblemType.Internal)
        {
            LogUnhandled(
                exception,
                httpContext.Request.Method,
                httpContext.Request.Path.Value,
                Activity.Current?.TraceId.ToHexString() ?? httpContext.TraceIdentifier);
        }

        httpContext.Response.StatusCode = problem.Type.Status;
        await problem.ExecuteAsync(httpContext);
        return true;
    }

    private static Problem Internal() =>
        new(ProblemType.Internal, "The log has the details under the trace id given here.");

    private static Problem Explain(HttpContext context, BadHttpRequestException bad) => bad.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => Problems.TooLarge(
            "request", context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize ?? 0),
        StatusCodes.Status400BadRequest when bad.InnerException is JsonException json => Problems.Malformed(
            $"The body is not the JSON expected: {json.Path ?? "$"}, line {(json.LineNumber ?? 0) + 1}, "
            + $"byte {(json.BytePositionInLine ?? 0) + 1}."),
        _ => new(ProblemType.ForStatus(bad.StatusCode), bad.Message),
    };

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed, trace {Trace}")]
    private partial void LogUnhandled(Exception exception, string method, string? path, string trace);
}

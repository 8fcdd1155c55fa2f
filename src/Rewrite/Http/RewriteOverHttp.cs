using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Microsoft.OpenApi;
using Tracking.Api;
using Tracking.Database;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Memory;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Http;

/// <summary><c>POST /api/v1/clusters/{cluster}/rewrite</c>: a message in, the rewritten message out.</summary>
internal static class RewriteOverHttp
{
    private const string MessageType = "message/rfc822";

    // RFC 6532: the same format with UTF-8 in its headers.
    private const string GlobalMessageType = "message/global";

    // RFC 9110 5.3 joins repeated fields with commas. Two recipients would become one wrong recipient.
    private static readonly string[] _onceOnly =
        ["tracking-message-id", "tracking-recipient", "tracking-sender", "tracking-host"];

    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapPost($"/api/v1/clusters/{{{RequireAccess.ClusterRouteValue}}}/rewrite", HandleAsync)
            .RequireClusterAccess()
            // Accepts() would let routing refuse other types, without saying which types are accepted.
            .AddOpenApiOperationTransformer((operation, _, _) =>
            {
                var schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary" };
                operation.RequestBody = new OpenApiRequestBody
                {
                    Required = true,
                    Content = new Dictionary<string, OpenApiMediaType>
                    {
                        [MessageType] = new() { Schema = schema },
                        [GlobalMessageType] = new() { Schema = schema },
                    },
                };
                return Task.CompletedTask;
            })
            .Produces<byte[]>(StatusCodes.Status200OK, MessageType)
            .Produces<RewriteReport>()
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status408RequestTimeout)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
            .ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
            .WithName("RewriteMessage")
            .WithTags("Messages")
            .WithSummary("Rewrites a message")
            .WithDescription(
                "Takes a raw message (RFC 5322) and answers with it, its links replaced and the open pixel added, "
                + "after they have been registered. Everything about the message is optional and comes in request "
                + "headers: tracking-message-id, tracking-recipient, tracking-sender, tracking-host, tracking-clicks "
                + "(yes, no, html, text), tracking-opens (yes, no), tracking-level (full, anonymous, none), "
                + "tracking-tags, tracking-utm (utm_source=newsletter&utm_medium=email, or off), tracking-sent-at, tracking-test. "
                + "The answer carries Tracking-Message-Id, Tracking-Links, "
                + "Tracking-Opens and, when nothing is tracked, Tracking-Untouched with the reason. A tracking-host "
                + "that is not an active tracking domain of the cluster, or may have no new links, is not used, the "
                + "default is; Tracking-Host-Ignored then names it and says why. Tracking-Headers-Ignored names "
                + "headers of the message about its tracking that are not obeyed, and says why. With dryRun=true "
                + "nothing is stored and the answer is a report of every link and what was decided about it. With "
                + "report=true the message is rewritten as without, and the answer is that report with the tracked "
                + "URLs and the message itself. "
                + "Send it before DKIM signing: a message that is signed already passes through untouched.");

    private static async Task<IResult> HandleAsync(
        string cluster,
        HttpContext context,
        ClusterDirectory clusters,
        TrackMessage track,
        MessageMemory memory,
        TimeProvider time,
        RewriteTelemetry telemetry,
        IOptions<RewriteOptions> options,
        string? dryRun = null,
        string? report = null)
    {
        var cancellationToken = context.RequestAborted;
        if (await clusters.FindAsync(cluster, cancellationToken) is not { } owner)
        {
            return Problems.NotFound("cluster", cluster);
        }

        if (!IsMessage(context.Request.ContentType))
        {
            return Problems.UnsupportedMediaType(context.Request.ContentType, MessageType);
        }

        if (!TryReadYes(dryRun, out var isDryRun))
        {
            return Problems.Invalid("dryRun", dryRun, "true or false");
        }

        if (!TryReadYes(report, out var isReported))
        {
            return Problems.Invalid("report", report, "true or false");
        }

        var headers = context.Request.Headers;
        if (_onceOnly.FirstOrDefault(name => headers[name].Count > 1) is { } repeated)
        {
            return Problems.Invalid(repeated, headers[repeated].ToString(), "one value, given once");
        }

        var request = MessageMetadata.Read(name => headers[name], out var wrong);
        if (request is null)
        {
            return Problems.Invalid(wrong!.Header, wrong.Got, wrong.Takes);
        }

        // The bytes count until the answer is sent: a client that reads slowly keeps the message in memory for that
        // time.
        var held = memory.OfRequest(context.Features.GetRequiredFeature<ApiKeyHolder>().KeyId);
        context.Response.RegisterForDispose(held);
        var (bytes, refusal) = await ReadMessageBody.ReadAsync(context, held, options.Value, time);
        if (refusal?.Type == ProblemType.MalformedRequest)
        {
            return refusal;
        }

        if (refusal is not null)
        {
            held.Dispose();
            telemetry.Refused(refusal.Type);
            await ReadMessageBody.RefuseUnreadAsync(context, refusal, options.Value.MaxMessageBytes);
            return Results.Empty;
        }

        var message = MessageHeader.Read(bytes, options.Value.Limits);
        if (isDryRun)
        {
            if (await track.PlanAsync(owner, message, request) is not var (plan, host))
            {
                return Problems.Unavailable("The database", options.Value.RetryAfter);
            }

            using (plan)
            {
                return TypedResults.Ok(RewriteReport.Of(plan).With(host));
            }
        }

        RewriteReport? written = null;
        var result = await track.TrackAsync(
            owner,
            message,
            request,
            cancellationToken,
            isReported ? (plan, urls) => written = RewriteReport.Of(plan, urls) : null);
        switch (result.Outcome)
        {
            case TrackOutcome.OtherContent:
                return Problems.Conflict(
                    $"tracking-message-id: {Problems.Quote(result.MessageId)} was rewritten before with other bytes; "
                    + "the same id takes the same message, another message takes another id.");
            case TrackOutcome.StoreUnavailable:
                return Problems.Unavailable("The database", options.Value.RetryAfter);
            case TrackOutcome.Tracked or TrackOutcome.Untouched when isReported:
                return TypedResults.Ok((written ?? RewriteReport.None).With(result.Host) with
                {
                    MessageId = result.MessageId,
                    Message = result.Output,
                    Untouched = WireWords.Of(result.UntouchedReason),
                });
            default:
                await WriteAsync(context.Response, result, cancellationToken);
                return Results.Empty;
        }
    }

    private static async Task WriteAsync(
        HttpResponse response, TrackedMessageResult result, CancellationToken cancellationToken)
    {
        response.ContentType = MessageType;
        response.Headers["Tracking-Message-Id"] = result.MessageId;
        response.Headers["Tracking-Links"] = result.TrackedLinks.ToString(CultureInfo.InvariantCulture);
        response.Headers["Tracking-Opens"] = result.HasPixel ? "yes" : "no";
        if (result.UntouchedReason is { } reason)
        {
            response.Headers["Tracking-Untouched"] = WireWords.Of(reason);
        }

        if (result.Host?.Ignored is { } ignored)
        {
            response.Headers["Tracking-Host-Ignored"] = RewriteResult.Of(ignored);
        }

        if (RewriteResult.Of(result.IgnoredHeaders) is { } headers)
        {
            response.Headers["Tracking-Headers-Ignored"] = headers;
        }

        response.ContentLength = result.Output.Length;
        await response.Body.WriteAsync(result.Output, cancellationToken);
    }

    private static bool TryReadYes(string? text, out bool yes)
    {
        yes = false;
        return text is null || bool.TryParse(text, out yes);
    }

    private static bool IsMessage(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var parsed)
        && parsed.MediaType.Value is { } type
        && (type.Equals(MessageType, StringComparison.OrdinalIgnoreCase)
            || type.Equals(GlobalMessageType, StringComparison.OrdinalIgnoreCase));
}

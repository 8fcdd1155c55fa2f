using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;
using Tracking.Api;
using Tracking.Contracts;
using Tracking.Links;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Preview;

/// <summary><c>POST /api/v1/clusters/{cluster}/preview</c>: a preview of a rewritten message. Nothing is
/// stored.</summary>
internal static class PreviewOverHttp
{
    private const string MessageType = "message/rfc822";

    public static void Map(IEndpointRouteBuilder cluster) => cluster.MapPost("/preview", HandleAsync)
        .RequireClusterAccess()
        .WithTags("Messages")
        .Describe("PreviewMessage", "Previews a rewritten message: its parts before and after, every link with the "
            + "decision about it, and advice for its sender. Nothing is stored, and no edge answers "
            + "the links in it.")
        .AddOpenApiOperationTransformer((operation, _, _) =>
        {
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = true,
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    [MessageType] =
                        new() { Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary" } },
                },
            };
            return Task.CompletedTask;
        })
        .DescribeProblems(413, 415, 503);

    private static async Task<Results<Ok<MessagePreview>, Problem>> HandleAsync(
        ClusterId cluster,
        HttpRequest request,
        AskRewriter rewriter,
        IOptions<ManagementOptions> options,
        CancellationToken cancellationToken)
    {
        var type = request.GetTypedHeaders().ContentType?.MediaType.Value;
        if (type?.Equals(MessageType, StringComparison.OrdinalIgnoreCase) != true)
        {
            return Problems.UnsupportedMediaType(type, MessageType);
        }

        var most = options.Value.MaxPreviewBytes;
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = most;
        }

        try
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body, cancellationToken);
            return await rewriter.PreviewAsync(cluster, body.ToArray(), cancellationToken) is { } preview
                ? TypedResults.Ok(preview)
                : Problems.Unavailable("A rewriter", AskRewriter.RetryAfter);
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return Problems.TooLarge("message", most);
        }
    }
}

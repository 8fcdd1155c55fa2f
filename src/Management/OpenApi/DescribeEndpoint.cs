using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.OpenApi;
using Tracking.Api;

namespace Tracking.Management.OpenApi;

/// <summary>Adds facts about an endpoint to the OpenAPI document that its types do not show.</summary>
internal static class DescribeEndpoint
{
    /// <summary>Sets the name of the operation and a summary in one line.</summary>
    public static RouteHandlerBuilder Describe(this RouteHandlerBuilder endpoint, string name, string summary) =>
        endpoint.WithName(name).WithSummary(summary);

    /// <summary>Describes the JSON body that the handler reads by itself.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="mergePatch">Whether the body may be a merge patch, in which no member is required.</param>
    /// <param name="required">The required members.</param>
    public static RouteHandlerBuilder DescribeBody<T>(
        this RouteHandlerBuilder endpoint, bool mergePatch = false, params string[] required) =>
        endpoint.AddOpenApiOperationTransformer(async (operation, context, cancellationToken) =>
        {
            var schema = await context.GetOrCreateSchemaAsync(typeof(T), null, cancellationToken);
            schema.Required = new HashSet<string>(required);
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = true,
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    ["application/json"] = new() { Schema = schema },
                },
            };
            if (mergePatch)
            {
                operation.RequestBody.Content!["application/merge-patch+json"] = new() { Schema = schema };
            }
        });

    /// <summary>Adds problems that the endpoint may answer, in addition to the problems of its access check.</summary>
    public static RouteHandlerBuilder DescribeProblems(this RouteHandlerBuilder endpoint, params int[] statuses)
    {
        foreach (var status in statuses)
        {
            endpoint.Produces<ProblemDetails>(status, Problem.MediaType);
        }

        return endpoint;
    }
}

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.OpenApi;
using Tracking.Api;

namespace Tracking.Management.OpenApi;

/// <summary>What the OpenAPI document says of an endpoint beyond what its types say.</summary>
internal static class DescribeEndpoint
{
    /// <summary>Names the operation and says in a line what it does.</summary>
    public static RouteHandlerBuilder Describe(this RouteHandlerBuilder endpoint, string name, string summary) =>
        endpoint.WithName(name).WithSummary(summary);

    /// <summary>The JSON body that the handler reads by itself.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="mergePatch">Whether it is a merge patch, in which nothing is required.</param>
    /// <param name="required">Members that must be given.</param>
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

    /// <summary>Problems that the endpoint answers, besides those of its access check.</summary>
    public static RouteHandlerBuilder DescribeProblems(this RouteHandlerBuilder endpoint, params int[] statuses)
    {
        foreach (var status in statuses)
        {
            endpoint.Produces<ProblemDetails>(status, Problem.MediaType);
        }

        return endpoint;
    }
}

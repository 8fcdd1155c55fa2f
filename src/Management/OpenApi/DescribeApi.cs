using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using Tracking.Api;
using Tracking.Links;

namespace Tracking.Management.OpenApi;

/// <summary>The OpenAPI 3.1 document of every route under <c>/api</c> in this process, at
/// <c>/openapi/v1.json</c>.</summary>
internal static class DescribeApi
{
    private const string Scheme = "apiKey";

    public static IServiceCollection AddApiDescription(this IServiceCollection services) =>
        services.AddOpenApi("v1", options =>
        {
            options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
            options.ShouldInclude = description =>
                description.RelativePath?.StartsWith("api/", StringComparison.Ordinal) == true;
            options.AddDocumentTransformer((document, _, _) =>
            {
                DescribeDocument(document);
                return Task.CompletedTask;
            });
            options.AddSchemaTransformer((schema, context, _) =>
            {
                DescribeSchema(schema, context.JsonTypeInfo.Type);
                return Task.CompletedTask;
            });
            options.AddOperationTransformer((operation, context, _) =>
            {
                DescribeOperation(operation, context);
                return Task.CompletedTask;
            });
        });

    // The document names no tenant and no secret. It is public, so that tools can read it.
    public static IEndpointConventionBuilder MapApiDescription(this IEndpointRouteBuilder app) =>
        app.MapOpenApi("/openapi/{documentName}.json");

    private static void DescribeDocument(OpenApiDocument document)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Tracking",
            Version = "v1",
            Description = "Click and open tracking for outgoing mail. Errors are problem details (RFC 9457) whose "
                + $"type is {ProblemType.Prefix} and one of "
                + $"{string.Join(", ", ProblemType.All.Select(type => type.Name))}; "
                + "docs/problems.md explains each. With invalid-value, errors lists each wrong input: its name and "
                + "a detail, which says what is wrong and what is accepted.",
        };
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
        document.Components.SecuritySchemes[Scheme] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            BearerFormat = "trk_ and 32 characters",
            Description = "An admin key opens every cluster. A cluster's key opens its own, and gets 404 for others.",
        };
    }

    // The generator gives no type for a type with its own converter.
    private static void DescribeSchema(OpenApiSchema schema, Type type)
    {
        if (type == typeof(DateTimeOffset))
        {
            schema.Type = JsonSchemaType.String;
        }
        else if (type == typeof(DateTimeOffset?))
        {
            schema.Type = JsonSchemaType.String | JsonSchemaType.Null;
        }
    }

    private static void DescribeOperation(OpenApiOperation operation, OpenApiOperationTransformerContext context)
    {
        if (context.Description.ActionDescriptor.EndpointMetadata.OfType<RequiredAccess>().Any())
        {
            operation.Security =
            [
                new OpenApiSecurityRequirement
                {
                    [new OpenApiSecuritySchemeReference(Scheme, context.Document)] = [],
                },
            ];
        }

        foreach (var parameter in (operation.Parameters ?? []).OfType<OpenApiParameter>())
        {
            if (parameter is { In: ParameterLocation.Path, Name: RequireAccess.ClusterRouteValue })
            {
                parameter.Description = $"The cluster's id, {ClusterId.TextLength} characters.";
                parameter.Schema = new OpenApiSchema { Type = JsonSchemaType.String };
            }
        }
    }
}

using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using static Tracking.Functional.Tests.Management.ManagementHost;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class OpenApiTests(ManagementHost host)
{
    [Fact]
    public async Task The_description_and_the_routes_are_the_same()
    {
        var document = await DocumentAsync();
        Assert.StartsWith("3.1.", (string)document["openapi"]!, StringComparison.Ordinal);

        var described = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject()
            .Select(operation => $"{operation.Key.ToUpperInvariant()} {path.Key}"));
        var mapped = host.ApiRoutes.SelectMany(route => route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods
            .Select(method => $"{method} /{route.RoutePattern.RawText!.Trim('/')}"));
        Assert.Equal(mapped.Order(StringComparer.Ordinal), described.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_operation_has_a_summary_an_answer_problems_and_its_security()
    {
        var document = await DocumentAsync();
        Assert.Equal("bearer", (string)document["components"]!["securitySchemes"]!["apiKey"]!["scheme"]!);
        foreach (var (path, operations) in document["paths"]!.AsObject())
        {
            foreach (var (method, operation) in operations!.AsObject())
            {
                var name = $"{method} {path}";
                Assert.False(string.IsNullOrEmpty((string?)operation!["summary"]), name);
                Assert.False(string.IsNullOrEmpty((string?)operation["operationId"]), name);
                Assert.Single(operation["tags"]!.AsArray());
                Assert.NotNull(operation["security"]![0]!["apiKey"]);
                var responses = operation["responses"]!.AsObject();
                Assert.True(responses.Any(response => response.Key[0] == '2'), name);
                Assert.NotNull(responses["401"]!["content"]!["application/problem+json"]!["schema"]);
                Assert.Equal(
                    path.Contains($"{{{RequireAccess.ClusterRouteValue}}}", StringComparison.Ordinal)
                        || path.Contains("{id}", StringComparison.Ordinal)
                        || path.Contains("{pattern}", StringComparison.Ordinal)
                        || path.Contains("/own-hosts/{hostname}", StringComparison.Ordinal)
                        || path == "/api/v1/audit-log",
                    responses.ContainsKey("404"));
                var isCommand = path == "/api/v1/signing-keys" || path.EndsWith("/{hostname}/verify", StringComparison.Ordinal)
                    || path.EndsWith("/certificate/retry", StringComparison.Ordinal)
                    || path.EndsWith("/certificate/test", StringComparison.Ordinal)
                    || path.StartsWith("/api/v1/certificate-accounts/", StringComparison.Ordinal)
                    || path.EndsWith("/stats/rebuild", StringComparison.Ordinal)
                    || path.EndsWith("/webhooks/{id}/test", StringComparison.Ordinal)
                    || path.EndsWith("/deliveries/{delivery}/replay", StringComparison.Ordinal);
                Assert.Equal(method is "post" && !isCommand || method is "patch",
                    operation["requestBody"] is not null);
            }
        }
    }

    [Fact]
    public async Task Schemas_explain_their_members()
    {
        var document = await DocumentAsync();
        var schemas = document["components"]!["schemas"]!.AsObject();
        Assert.Contains("ClusterSettings", schemas.Select(schema => schema.Key));
        var settings = schemas["ClusterSettings"]!["properties"]!.AsObject();
        Assert.All(settings, member => Assert.True(
            member.Value!["description"] is not null || member.Value["oneOf"] is not null
                || member.Value["$ref"] is not null,
            member.Key));
        Assert.Equal("integer", (string)settings["retentionMonths"]!["type"]!);
        Assert.Equal("string", (string)schemas["EventResponse"]!["properties"]!["time"]!["type"]!);
        var create = document["paths"]!["/api/v1/clusters"]!["post"]!["requestBody"]!["content"]!["application/json"]!;
        Assert.Equal("""["name"]""", create["schema"]!["required"]!.ToJsonString());
        Assert.Contains("compact", schemas["LinkStyle"]!["enum"]!.AsArray().Select(word => (string)word!));
    }

    [Fact]
    public async Task The_description_needs_no_key()
    {
        using var client = host.Client(null);
        Assert.NotNull((await GetAsync(client, "/openapi/v1.json"))["info"]);
    }

    private Task<JsonObject> DocumentAsync() => GetAsync(host.Admin, "/openapi/v1.json");
}

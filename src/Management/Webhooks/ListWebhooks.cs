using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.OpenApi;
using Tracking.Management.Requests;

namespace Tracking.Management.Webhooks;

/// <summary><c>GET /api/v1/clusters/{cluster}/webhooks[/{id}]</c>.</summary>
internal static class ListWebhooks
{
    public static void Map(IEndpointRouteBuilder webhooks)
    {
        webhooks.MapGet("/", ListAsync)
            .RequireClusterAccess()
            .Describe("ListWebhooks", "Lists the cluster's webhook endpoints, the oldest first.");
        webhooks.MapGet(FindWebhook.Route, GetAsync)
            .RequireClusterAccess()
            .Describe("GetWebhook", "A webhook endpoint and the state of its deliveries.");
    }

    private static async Task<Ok<Page<WebhookResponse>>> ListAsync(
        ClusterId cluster, ApiDataSource dataSource, TimeProvider time, CancellationToken cancellationToken) =>
        TypedResults.Ok(new Page<WebhookResponse>(
            await FindWebhook.AllAsync(dataSource, cluster, time.GetUtcNow(), cancellationToken), null));

    private static async Task<Results<Ok<WebhookResponse>, Problem>> GetAsync(
        ClusterId cluster,
        string id,
        ApiDataSource dataSource,
        TimeProvider time,
        CancellationToken cancellationToken) =>
        await FindWebhook.ReadAsync(dataSource, cluster, id, time.GetUtcNow(), cancellationToken) is { } endpoint
            ? TypedResults.Ok(endpoint)
            : FindWebhook.NoSuchWebhook(id);
}

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Auth;

/// <summary><c>/api/v1/clusters/{cluster}/api-keys</c>: a cluster replaces its own keys without asking an
/// admin.</summary>
internal static class ClusterApiKeys
{
    public static void Map(IEndpointRouteBuilder keys)
    {
        keys.MapPost("/", (
                ClusterId cluster, HttpRequest request, ApiKeyHolder holder, TrackingDb db, ApiKeyAuthentication keys,
                DirectoryChanges changes, TimeProvider time, CancellationToken cancellationToken) =>
                KeepApiKeys.CreateAsync(request, holder, cluster, db, keys, changes, time, cancellationToken))
            .RequireClusterAccess()
            .Describe("CreateApiKey", "Makes a key of the cluster; the secret is shown once.")
            .DescribeBody<ApiKeyRequest>(required: "name")
            .DescribeProblems(400, 409, 413, 415);
        keys.MapGet("/", (ClusterId cluster, TrackingDb db, CancellationToken cancellationToken) =>
                KeepApiKeys.ListAsync(cluster, db, cancellationToken))
            .RequireClusterAccess()
            .Describe("ListApiKeys", "Lists the cluster's keys that work, oldest first.");
        keys.MapGet("/{id}", (ClusterId cluster, string id, TrackingDb db, CancellationToken cancellationToken) =>
                KeepApiKeys.GetAsync(id, cluster, db, cancellationToken))
            .RequireClusterAccess()
            .Describe("GetApiKey", "A key of the cluster, without its secret.");
        keys.MapDelete("/{id}", (
                ClusterId cluster, string id, ApiKeyHolder holder, TrackingDb db, DirectoryChanges changes,
                TimeProvider time, CancellationToken cancellationToken) =>
                KeepApiKeys.RevokeAsync(id, holder, cluster, db, changes, time, cancellationToken))
            .RequireClusterAccess()
            .Describe("RevokeApiKey", "Revokes a key; it stops within five seconds everywhere.");
    }
}

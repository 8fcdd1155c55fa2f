using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Auth;

/// <summary><c>/api/v1/api-keys</c>: the keys of admins. With these routes the key of the first start can be replaced,
/// and a leaked key revoked.</summary>
internal static class AdminApiKeys
{
    public static void Map(IEndpointRouteBuilder keys)
    {
        keys.MapPost("/", (
                HttpRequest request, ApiKeyHolder holder, TrackingDb db, ApiKeyAuthentication keys,
                DirectoryChanges changes, TimeProvider time, CancellationToken cancellationToken) =>
                KeepApiKeys.CreateAsync(request, holder, owner: null, db, keys, changes, time, cancellationToken))
            .RequireAdmin()
            .Describe("CreateAdminKey", "Makes an admin key; the secret is shown once.")
            .DescribeBody<ApiKeyRequest>(required: "name")
            .DescribeProblems(400, 409, 413, 415);
        keys.MapGet("/", (TrackingDb db, CancellationToken cancellationToken) =>
                KeepApiKeys.ListAsync(owner: null, db, cancellationToken))
            .RequireAdmin()
            .Describe("ListAdminKeys", "Lists the admin keys that work, oldest first.");
        keys.MapGet("/{id}", (string id, TrackingDb db, CancellationToken cancellationToken) =>
                KeepApiKeys.GetAsync(id, owner: null, db, cancellationToken))
            .RequireAdmin()
            .Describe("GetAdminKey", "An admin key, without its secret.")
            .DescribeProblems(404);
        keys.MapDelete("/{id}", (
                string id, ApiKeyHolder holder, TrackingDb db, DirectoryChanges changes, TimeProvider time,
                CancellationToken cancellationToken) =>
                KeepApiKeys.RevokeAsync(id, holder, owner: null, db, changes, time, cancellationToken))
            .RequireAdmin()
            .Describe("RevokeAdminKey", "Revokes an admin key; the last one cannot be revoked.")
            .DescribeProblems(404, 409);
    }
}

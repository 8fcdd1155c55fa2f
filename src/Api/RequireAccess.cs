using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Api;

/// <summary>The keys that open a route.</summary>
public enum AccessLevel
{
    /// <summary>Any valid key.</summary>
    AnyKey,

    /// <summary>An admin key. A cluster's key is answered with 403.</summary>
    Admin,

    /// <summary>The cluster in the route must be active, and the key must be an admin key or the cluster's
    /// own.</summary>
    Cluster,

    /// <summary>The same as <see cref="Cluster"/>, but the cluster's own key is answered with 403.</summary>
    ClusterAdmin,
}

/// <summary>Endpoint metadata: the keys that open the endpoint. A test asserts that every route of the API has
/// it.</summary>
/// <param name="Level">The keys that open the endpoint.</param>
public sealed record RequiredAccess(AccessLevel Level);

/// <summary>
/// Checks API keys before a route binds parameters: another tenant must not learn from a validation error that an
/// object exists. Only <c>Authorization: Bearer trk_…</c> is read, never the URL. The check wraps the endpoint itself,
/// so a forgotten or misplaced middleware cannot remove it.
/// </summary>
public static class RequireAccess
{
    /// <summary>The name of the route value that holds the cluster.</summary>
    public const string ClusterRouteValue = "cluster";

    /// <summary>Requires any valid key.</summary>
    public static TBuilder RequireAnyKey<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.Require(AccessLevel.AnyKey);

    /// <summary>Requires an admin key: 401 without a key, 403 for a cluster's key.</summary>
    public static TBuilder RequireAdmin<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.Require(AccessLevel.Admin);

    /// <summary>For routes with <c>{cluster}</c>: an admin key opens any active cluster, and a cluster's key its own.
    /// Every other key gets the 404 of a missing object.</summary>
    public static TBuilder RequireClusterAccess<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.Require(AccessLevel.Cluster);

    /// <summary>For routes with <c>{cluster}</c>: an admin key opens any active cluster. The cluster's own key gets
    /// 403, and every other key 404.</summary>
    public static TBuilder RequireClusterAdmin<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.Require(AccessLevel.ClusterAdmin);

    /// <summary>The problem for a cluster that does not exist or that this key does not open; both answers are
    /// equal.</summary>
    public static Problem NoSuchCluster(string? cluster) => Problems.NotFound(
        "cluster",
        cluster,
        $"Clusters that this key may not use are not found either. An id has {ClusterId.TextLength} characters.");

    private static TBuilder Require<TBuilder>(this TBuilder builder, AccessLevel level)
        where TBuilder : IEndpointConventionBuilder
    {
        builder.Add(endpoint =>
        {
            endpoint.Metadata.Add(new RequiredAccess(level));
            Describe(endpoint, StatusCodes.Status401Unauthorized, "No key, or a key that does not work");
            Describe(endpoint, StatusCodes.Status429TooManyRequests, "Too many requests, or too many unknown keys");
            Describe(endpoint, StatusCodes.Status503ServiceUnavailable, "The database is away; try again");
            if (level is AccessLevel.Admin or AccessLevel.ClusterAdmin)
            {
                Describe(endpoint, StatusCodes.Status403Forbidden, "Takes an admin key");
            }

            if (level is AccessLevel.Cluster or AccessLevel.ClusterAdmin)
            {
                Describe(endpoint, StatusCodes.Status404NotFound, "Nothing there that this key opens");
            }

            var next = endpoint.RequestDelegate!;
            endpoint.RequestDelegate = async context =>
            {
                var refusal = await CheckAsync(context, level);
                await (refusal is null ? next(context) : refusal.ExecuteAsync(context));
            };
        });
        return builder;
    }

    private static void Describe(EndpointBuilder endpoint, int status, string description) =>
        endpoint.Metadata.Add(new ProducesResponseTypeMetadata(
            status, typeof(ProblemDetails), [Problem.MediaType])
        { Description = description });

    private static async ValueTask<Problem?> CheckAsync(HttpContext context, AccessLevel level)
    {
        // Answers belong to the key of the request: no cache on the way may keep them.
        context.Response.Headers.CacheControl = "no-store";
        var keys = context.RequestServices.GetRequiredService<ApiKeyAuthentication>();
        var secret = ReadBearer(context.Request);
        var (holder, retryAfter) = await keys.FindAsync(secret, context, context.RequestAborted);
        if (retryAfter is { } wait)
        {
            var most = context.RequestServices.GetRequiredService<IOptions<ApiKeyOptions>>().Value
                .UnknownPerSecondAndNetwork;
            return Problems.TooMany(
                $"{most} keys a second that are not known here; a key that was just made works in a moment", wait);
        }

        if (holder is null)
        {
            return Problems.Unauthorized(keyGiven: context.Request.Headers.Authorization.Count != 0);
        }

        if (level is AccessLevel.Cluster or AccessLevel.ClusterAdmin)
        {
            var text = context.Request.RouteValues[ClusterRouteValue] as string;
            if (!ClusterId.TryParse(text, out var cluster) || !await keys.OpensAsync(
                holder, cluster, context.RequestServices.GetRequiredService<ClusterDirectory>(),
                context.RequestAborted))
            {
                return NoSuchCluster(text);
            }
        }

        if (level is AccessLevel.Admin or AccessLevel.ClusterAdmin && !holder.IsAdmin)
        {
            return Problems.Forbidden("Authorization: the key belongs to a cluster; this takes an admin key.");
        }

        context.Features.Set(holder);
        return null;
    }

    private static string? ReadBearer(HttpRequest request)
    {
        const string Scheme = "Bearer ";
        return request.Headers.Authorization is [{ } value]
            && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
                ? value[Scheme.Length..].Trim()
                : null;
    }
}

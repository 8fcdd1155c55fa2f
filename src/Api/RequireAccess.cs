using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Api;

/// <summary>Which keys open a route.</summary>
public enum AccessLevel
{
    /// <summary>Any key that works.</summary>
    AnyKey,

    /// <summary>An admin key; a cluster key is told so (403).</summary>
    Admin,

    /// <summary>The cluster in the route must be alive, and the key an admin's or its own.</summary>
    Cluster,

    /// <summary>As <see cref="Cluster"/>, but its own key is not enough (403).</summary>
    ClusterAdmin,
}

/// <summary>Endpoint metadata: which keys open it. A test asserts that every route of the API carries it.</summary>
/// <param name="Level">Which keys.</param>
public sealed record RequiredAccess(AccessLevel Level);

/// <summary>
/// Checks API keys (<c>Authorization: Bearer trk_…</c>; nowhere else, never in the URL) before a route binds anything:
/// another tenant must not learn from a validation error that something exists. The check wraps the endpoint itself,
/// so it cannot be lost with a forgotten or misplaced middleware.
/// </summary>
public static class RequireAccess
{
    /// <summary>The name of the route value that holds the cluster.</summary>
    public const string ClusterRouteValue = "cluster";

    /// <summary>Any key that works.</summary>
    public static TBuilder RequireAnyKey<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.Require(AccessLevel.AnyKey);

    /// <summary>Only admin keys: 401 without a key, 403 for a cluster's.</summary>
    public static TBuilder RequireAdmin<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.Require(AccessLevel.Admin);

    /// <summary>On routes with <c>{cluster}</c>: admin keys for any living cluster, a cluster's key for its own; 404 as
    /// if nothing were there for every other.</summary>
    public static TBuilder RequireClusterAccess<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.Require(AccessLevel.Cluster);

    /// <summary>On routes with <c>{cluster}</c>: admin keys for any living cluster; 403 for the cluster's own key, 404
    /// for every other.</summary>
    public static TBuilder RequireClusterAdmin<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.Require(AccessLevel.ClusterAdmin);

    /// <summary>The problem for a cluster that is not there, or not for this key: one and the same.</summary>
    public static Problem NoSuchCluster(string? cluster) => Problems.NotFound(
        "cluster",
        cluster,
        $"A cluster that this key does not open counts as none; an id has {ClusterId.TextLength} characters.");

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
            status, typeof(ProblemDetails), [Problem.MediaType]) { Description = description });

    private static async ValueTask<Problem?> CheckAsync(HttpContext context, AccessLevel level)
    {
        // Answers belong to the key that asked: no cache on the way may keep them.
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
                holder, cluster, context.RequestServices.GetRequiredService<ClusterDirectory>(), context.RequestAborted))
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

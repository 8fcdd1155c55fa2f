using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Console.Pages;
using Tracking.Management.Requests;

namespace Tracking.Management.Console.Session;

/// <summary>Declares who may see a page. A page without this attribute is a bug that a test finds.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class PageForAttribute(PageAccess access) : Attribute
{
    /// <summary>Who may see the page.</summary>
    public PageAccess Access { get; } = access;
}

/// <summary>Who may see a page.</summary>
public enum PageAccess
{
    /// <summary>Everybody: the sign-in page.</summary>
    Anybody,

    /// <summary>Every signed-in person.</summary>
    SignedIn,

    /// <summary>Admins. For everybody else the page does not exist.</summary>
    Admin,

    /// <summary>Admins and the keys of the cluster in the address. For everybody else the page does not
    /// exist.</summary>
    Cluster,
}

/// <summary>
/// Checks the access to every page before its code runs. As in the API, the check wraps the endpoint itself, and the
/// answer to a session without access is 404. The queries of a page count against its tenant's share of this process.
/// </summary>
internal static class RequireSession
{
    /// <summary>Guards pages by their <see cref="PageForAttribute"/>.</summary>
    public static void Guard(EndpointBuilder endpoint)
    {
        AnswerHead(endpoint.Metadata);
        // Without the attribute nobody has access.
        var access = endpoint.Metadata.OfType<PageForAttribute>().LastOrDefault()?.Access;
        var next = endpoint.RequestDelegate!;
        endpoint.RequestDelegate = context => InvokeAsync(context, access, next);
    }

    // RFC 9110 9.1: a server that supports GET supports HEAD, with the same answer but no content. Site monitors use
    // HEAD.
    private static void AnswerHead(IList<object> metadata)
    {
        for (var i = 0; i < metadata.Count; i++)
        {
            if (metadata[i] is HttpMethodMetadata methods && !methods.HttpMethods.Contains(HttpMethods.Head))
            {
                metadata[i] = new HttpMethodMetadata([.. methods.HttpMethods, HttpMethods.Head]);
            }
        }
    }

    private static async Task InvokeAsync(HttpContext context, PageAccess? access, RequestDelegate next)
    {
        if (access == PageAccess.Anybody)
        {
            await next(context);
            return;
        }

        if (context.Features.Get<ApiKeyHolder>() is not { } holder)
        {
            context.Response.Redirect(SignIn.PathTo(context.Request));
            return;
        }

        if (!await MayAsync(context, access, holder))
        {
            await ErrorPage.WriteAsync(context, StatusCodes.Status404NotFound);
            return;
        }

        var share = context.RequestServices.GetRequiredService<LimitTenants>().Of(holder);
        if (await share.EnterAsync(context.RequestAborted) is { } busy)
        {
            context.Response.Headers.RetryAfter =
                Math.Ceiling(busy.RetryAfter!.Value.TotalSeconds).ToString(
                    System.Globalization.CultureInfo.InvariantCulture);
            await ErrorPage.WriteAsync(context, StatusCodes.Status429TooManyRequests);
            return;
        }

        var began = share.Begin();
        try
        {
            await next(context);
        }
        finally
        {
            share.Leave(began);
        }
    }

    private static async ValueTask<bool> MayAsync(HttpContext context, PageAccess? access, ApiKeyHolder holder) =>
        access switch
        {
            PageAccess.SignedIn => true,
            PageAccess.Admin => holder.IsAdmin,
            PageAccess.Cluster =>
                ClusterId.TryParse(context.Request.RouteValues["cluster"] as string, out var cluster)
                && await context.RequestServices.GetRequiredService<ApiKeyAuthentication>().OpensAsync(
                    holder,
                    cluster,
                    context.RequestServices.GetRequiredService<ClusterDirectory>(),
                    context.RequestAborted),
            _ => false,
        };
}

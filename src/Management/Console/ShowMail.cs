using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.ClickMaps;
using Tracking.Management.Console.Pages;
using Tracking.Management.Console.Session;
using Tracking.Management.Messages;

namespace Tracking.Management.Console;

/// <summary><c>GET /clusters/{cluster}/messages/{message}/mail</c>: the mail with its click map, for the frame on the
/// message's page. The document has its own policy and its own origin.</summary>
internal static class ShowMail
{
    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet("/clusters/{cluster}/messages/{message}/mail", HandleAsync)
            .ExcludeFromDescription()
            .WithMetadata(new PageForAttribute(PageAccess.Cluster))
            .Add(RequireSession.Guard);

    private static async Task HandleAsync(HttpContext context, string cluster, string message)
    {
        var dataSource = context.RequestServices.GetRequiredService<ApiDataSource>();
        if (!ClusterId.TryParse(cluster, out var id)
            || await FindMessage.KeyAsync(dataSource, id, message, context.RequestAborted) is not { } key
            || await ReadClickMap.RunAsync(dataSource, id, key, context.RequestAborted) is not { } map)
        {
            await ErrorPage.WriteAsync(context, StatusCodes.Status404NotFound);
            return;
        }

        SendSecurityHeaders.Instead(context, DrawClickMap.Policy);
        context.Response.ContentType = "text/html; charset=utf-8";
        await context.Response.WriteAsync(DrawClickMap.Draw(map), context.RequestAborted);
    }
}

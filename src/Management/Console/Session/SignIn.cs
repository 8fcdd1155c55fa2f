using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Tracking.Management.Console.Pages;

namespace Tracking.Management.Console.Session;

/// <summary>The begin and end of sessions: <c>/sign-in</c> (a page) and <c>POST /sign-out</c>.</summary>
internal static class SignIn
{
    public const string Path = "/sign-in";

    public static void Map(IEndpointRouteBuilder app) => app.MapPost("/sign-out", async (
            HttpContext context, IAntiforgery antiforgery) =>
        {
            if (!await antiforgery.IsRequestValidAsync(context))
            {
                await ErrorPage.WriteAsync(context, StatusCodes.Status400BadRequest);
                return;
            }

            ConsoleSession.End(context);
            context.Response.Redirect(Path);
        })
        .ExcludeFromDescription();

    /// <summary>The address of the sign-in page, which leads back to the requested page.</summary>
    public static string PathTo(HttpRequest request) =>
        (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)) && request.Path != "/"
            ? $"{Path}?to={Uri.EscapeDataString(request.Path + request.QueryString)}"
            : Path;

    /// <summary>Whether an address leads to a page of this console and nowhere else.</summary>
    public static bool IsOwn(string? to) =>
        to is ['/', ..] && to is not ['/', '/' or '\\', ..] && !to.Any(char.IsControl);
}

using System.IO.Compression;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Tracking.Management.Console.Assets;
using Tracking.Management.Console.Pages;
using Tracking.Management.Console.Session;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Management.Console;

/// <summary>The web console: pages that the server renders. They read and change the same data as the API, with the
/// same functions.</summary>
internal static class ConsoleComposition
{
    public static IHostApplicationBuilder AddConsole(this IHostApplicationBuilder builder)
    {
        builder.AddTrackingOptions<ConsoleOptions>(ConsoleOptions.Section);
        StoreDataProtectionKeys.Add(builder.Services);
        builder.Services.AddRazorComponents();
        builder.Services.AddHttpContextAccessor();
        builder.Services.AddAntiforgery(options =>
        {
            options.Cookie.Name = "tracking-form";
            options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            options.Cookie.SameSite = SameSiteMode.Lax;
            // The Content-Security-Policy forbids framing more exactly (frame-ancestors).
            options.SuppressXFrameOptionsHeader = true;
        });
        builder.Services.AddResponseCompression(options =>
        {
            options.EnableForHttps = true;
            options.MimeTypes = ["text/html"];
        });
        builder.Services.Configure<BrotliCompressionProviderOptions>(
            options => options.Level = CompressionLevel.Fastest);
        OpenIdSignIn.Add(builder);
        builder.Services.AddSingleton<ConsoleSession>();
        builder.Services.AddSingleton<AskServices>();
        builder.Services.AddSingleton<StreamEvents>();
        builder.Services.AddScoped<Parts.ShowTime>();
        return builder;
    }

    /// <summary>Adds the middleware before the pages: faults become error pages, requests from other sites are refused,
    /// and the session is read.</summary>
    public static void UseConsole(this WebApplication app)
    {
        app.UseWhen(
            IsConsole,
            console =>
            {
                // Compression is safe here (BREACH): form tokens differ in every answer, and answers to forms are not
                // compressed, so no fixed secret stands beside text that an attacker can choose.
                console.UseWhen(
                    context => HttpMethods.IsGet(context.Request.Method), pages => pages.UseResponseCompression());
                console.Use(ErrorPage.ExplainAsync);
                console.Use(async (context, next) =>
                {
                    if (!RefuseOtherSites.IsOwn(context.Request))
                    {
                        await ErrorPage.WriteAsync(context, StatusCodes.Status403Forbidden);
                        return;
                    }

                    await context.RequestServices.GetRequiredService<ConsoleSession>().ReadAsync(context, next);
                });
            });
        OpenIdSignIn.Use(app);
        app.UseAntiforgery();
    }

    public static void MapConsole(this WebApplication app)
    {
        ServeAssets.Map(app);
        SignIn.Map(app);
        OpenIdSignIn.Map(app);
        StreamEvents.Map(app);
        ShowMail.Map(app);
        app.MapRazorComponents<App>().Add(RequireSession.Guard);
    }

    /// <summary>Whether a request is for the console: every path except those for programs.</summary>
    internal static bool IsConsole(HttpContext context) =>
        !context.Request.Path.StartsWithSegments("/api")
        && !context.Request.Path.StartsWithSegments("/openapi")
        && !context.Request.Path.StartsWithSegments("/health");
}

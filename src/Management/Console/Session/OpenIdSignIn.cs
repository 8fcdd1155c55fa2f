using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Tracking.Links;
using Tracking.Management.Auth;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Management.Console.Session;

/// <summary>
/// Sign-in by OpenID Connect. The provider says who a person is and which rights the person has. Then a session begins
/// as with an API key (<see cref="KeepPersonKey"/>). The flow is code with PKCE. The provider's tokens are not stored.
/// </summary>
internal static partial class OpenIdSignIn
{
    private const string Scheme = "openid";

    // This cookie is never set, because the ticket becomes a session of the console. A second scheme exists so that no
    // scheme is the default: none authenticates every request.
    private const string NoTicket = "openid-ticket";

    private const string Path = "/sign-in/openid";

    /// <summary>The address that begins the sign-in and then leads back.</summary>
    public static string PathTo(string? to) =>
        SignIn.IsOwn(to) ? $"{Path}?to={Uri.EscapeDataString(to!)}" : Path;

    /// <summary>Adds the sign-in if a provider is configured.</summary>
    public static void Add(IHostApplicationBuilder builder)
    {
        var settings = builder.Configuration.ReadTrackingOptions<ConsoleOptions>(ConsoleOptions.Section).OpenId;
        if (settings.Authority is null)
        {
            return;
        }

        builder.Services.AddScoped<KeepPersonKey>();
        builder.Services.AddAuthentication().AddCookie(NoTicket).AddOpenIdConnect(Scheme, options =>
        {
            options.SignInScheme = NoTicket;
            options.Authority = settings.Authority;
            // The options are validated: http is accepted for this machine only.
            options.RequireHttpsMetadata = settings.Authority.StartsWith("https:", StringComparison.OrdinalIgnoreCase);
            options.ClientId = settings.ClientId;
            options.ClientSecret = settings.ClientSecret;
            options.CallbackPath = Path + "/done";
            options.ResponseType = OpenIdConnectResponseType.Code;
            // The answer comes in the query string. A form from another site would come without our cookies (SameSite).
            options.ResponseMode = OpenIdConnectResponseMode.Query;
            options.UsePkce = true;
            options.MapInboundClaims = false;
            options.SaveTokens = false;
            options.DisableTelemetry = true;
            options.NonceCookie.SameSite = options.CorrelationCookie.SameSite = SameSiteMode.Lax;
            options.NonceCookie.SecurePolicy =
                options.CorrelationCookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            options.Scope.Clear();
            foreach (var scope in settings.Scope.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                options.Scope.Add(scope);
            }

            options.Events.OnTicketReceived = ticket => BeginAsync(ticket, settings);
            options.Events.OnRemoteFailure = failure =>
            {
                LogFailed(Logger(failure.HttpContext), failure.Failure?.Message ?? "the provider does not say why");
                failure.Response.Redirect($"{SignIn.Path}?failed=provider");
                failure.HandleResponse();
                return Task.CompletedTask;
            };
        });
    }

    /// <summary>Adds the middleware that receives the provider's answer.</summary>
    public static void Use(WebApplication app)
    {
        if (IsOn(app))
        {
            app.UseAuthentication();
        }
    }

    /// <summary>Maps the address that begins the sign-in.</summary>
    public static void Map(WebApplication app)
    {
        if (!IsOn(app))
        {
            return;
        }

        app.MapGet(Path, (HttpContext context) =>
        {
            var to = context.Request.Query["to"].ToString();
            return context.ChallengeAsync(
                Scheme, new AuthenticationProperties { RedirectUri = SignIn.IsOwn(to) ? to : "/" });
        }).ExcludeFromDescription();
    }

    private static bool IsOn(WebApplication app) =>
        app.Services.GetService<IServiceProviderIsService>()!.IsService(typeof(KeepPersonKey));

    private static async Task BeginAsync(TicketReceivedContext ticket, OpenIdSettings settings)
    {
        var context = ticket.HttpContext;
        var person = ticket.Principal!;
        ticket.HandleResponse();
        var (isKnown, cluster) = RightOf(person, settings);
        if (!isKnown)
        {
            LogNobody(Logger(context), settings.Claim);
            context.Response.Redirect($"{SignIn.Path}?failed=nobody");
            return;
        }

        var holder = await context.RequestServices.GetRequiredService<KeepPersonKey>().RunAsync(
            settings.Authority!,
            person.FindFirstValue("sub") ?? "",
            person.FindFirstValue("email") ?? person.FindFirstValue("preferred_username") ?? person.FindFirstValue(
                "name")
                ?? person.FindFirstValue("sub") ?? "",
            cluster,
            context.RequestAborted);
        if (holder is null)
        {
            context.Response.Redirect($"{SignIn.Path}?failed=revoked");
            return;
        }

        context.RequestServices.GetRequiredService<ConsoleSession>().Begin(context, holder);
        context.Response.Redirect(SignIn.IsOwn(ticket.ReturnUri) ? ticket.ReturnUri! : "/");
    }

    // The value for admins wins over all others. Of several clusters the first is used.
    private static (bool IsKnown, ClusterId? Cluster) RightOf(ClaimsPrincipal person, OpenIdSettings settings)
    {
        var values = person.FindAll(settings.Claim).Select(claim => claim.Value).ToList();
        if (values.Contains(settings.AdminValue))
        {
            return (true, null);
        }

        foreach (var value in values.Where(value => value.StartsWith(settings.ClusterPrefix, StringComparison.Ordinal)))
        {
            if (ClusterId.TryParse(value[settings.ClusterPrefix.Length..], out var cluster))
            {
                return (true, cluster);
            }
        }

        return (false, null);
    }

    private static ILogger Logger(HttpContext context) =>
        context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(OpenIdSignIn));

    [LoggerMessage(Level = LogLevel.Warning, Message = "Signing in by OpenID Connect failed: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A person signed in at the OpenID Connect provider, but the claim {Claim} gives no right here")]
    private static partial void LogNobody(ILogger logger, string claim);
}

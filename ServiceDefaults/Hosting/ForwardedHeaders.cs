using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ForwardedHeader = Microsoft.AspNetCore.HttpOverrides.ForwardedHeaders;

namespace Tracking.ServiceDefaults.Hosting;

/// <summary>Who may say for whom it asks.</summary>
public static class ForwardedHeaders
{
    /// <summary>
    /// Nobody, in general. Publishing platforms set <c>ASPNETCORE_FORWARDEDHEADERS_ENABLED</c>, which makes ASP.NET Core
    /// believe <c>X-Forwarded-For</c> from anywhere, so that anyone could choose the address his clicks are stored
    /// under. The edge reads that header itself, from <c>Tracking__Edge__TrustedProxies</c> only.
    /// </summary>
    public static IHostApplicationBuilder AddForwardedHeadersGuard(this IHostApplicationBuilder builder)
    {
        builder.Services.PostConfigure<ForwardedHeadersOptions>(options =>
            options.ForwardedHeaders = ForwardedHeader.None);
        return builder;
    }
}

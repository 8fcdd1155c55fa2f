using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ForwardedHeader = Microsoft.AspNetCore.HttpOverrides.ForwardedHeaders;

namespace Tracking.ServiceDefaults.Hosting;

/// <summary>Decides which programs may state a client's address.</summary>
public static class ForwardedHeaders
{
    /// <summary>
    /// By default no program. Publishing platforms set <c>ASPNETCORE_FORWARDEDHEADERS_ENABLED</c>, which makes ASP.NET
    /// Core trust <c>X-Forwarded-For</c> from every sender, so that a client could choose the stored address of its
    /// clicks. The edge reads that header itself, and only from <c>Tracking__Edge__TrustedProxies</c>.
    /// </summary>
    public static IHostApplicationBuilder AddForwardedHeadersGuard(this IHostApplicationBuilder builder)
    {
        builder.Services.PostConfigure<ForwardedHeadersOptions>(options =>
            options.ForwardedHeaders = ForwardedHeader.None);
        return builder;
    }
}

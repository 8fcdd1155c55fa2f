using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Tracking.Rewrite;
using Tracking.ServiceDefaults.Settings;
using Tracking.SmtpFilter.Sessions;

namespace Tracking.SmtpFilter;

/// <summary>Rewrites messages between an MTA and its next hop, over SMTP.</summary>
public static class SmtpFilterComposition
{
    /// <summary>Adds the filter. Without <see cref="SmtpFilterOptions.Listen"/> it is off.</summary>
    public static IHostApplicationBuilder AddSmtpFilter(this IHostApplicationBuilder builder)
    {
        builder.AddTrackingOptions<SmtpFilterOptions>(SmtpFilterOptions.Section);
        builder.AddRewriter();
        builder.Services.AddSingleton<ServeMtas>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<ServeMtas>());
        return builder;
    }
}

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Tracking.Milter.Sessions;
using Tracking.Rewrite;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Milter;

/// <summary>Rewrites messages within an MTA's SMTP session, as a mail filter of Sendmail and Postfix.</summary>
public static class MilterComposition
{
    /// <summary>Adds the milter. Without <see cref="MilterOptions.Listen"/> it is off.</summary>
    public static IHostApplicationBuilder AddMilter(this IHostApplicationBuilder builder)
    {
        builder.AddTrackingOptions<MilterOptions>(MilterOptions.Section);
        builder.AddRewriter();
        builder.Services.AddSingleton<ServeMilter>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<ServeMilter>());
        return builder;
    }
}

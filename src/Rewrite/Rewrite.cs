using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Rewrite.Doors;
using Tracking.Rewrite.Html;
using Tracking.Rewrite.Http;
using Tracking.Rewrite.Memory;
using Tracking.Rewrite.Messages;
using Tracking.Rewrite.Preview;
using Tracking.Rewrite.Queue;
using Tracking.Rewrite.Registration;
using Tracking.ServiceDefaults.Settings;
using Tracking.SharedCache;

namespace Tracking.Rewrite;

/// <summary>Rewrites messages: links to the tracking host, and an open pixel.</summary>
public static class RewriteComposition
{
    /// <summary>Adds the rewriter with its HTTP endpoint, its previews, and its queue if the bus is
    /// RabbitMQ.</summary>
    public static IHostApplicationBuilder AddRewrite(this IHostApplicationBuilder builder)
    {
        builder.AddRewriter();
        builder.AddApi();
        builder.Services.AddSingleton<MessageMemory>();
        RewriteQueue.Add(builder);
        AnswerPreview.Add(builder);
        return builder;
    }

    /// <summary>Adds the rewriter and its registration, without a way in: for services that bring their own, which use
    /// <see cref="TrackMail"/>. A second call changes nothing.</summary>
    public static IHostApplicationBuilder AddRewriter(this IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service => service.ServiceType == typeof(TrackMail)))
        {
            return builder;
        }

        builder.AddBus();
        builder.AddTrackingDatabase();
        builder.AddSigningKeys();
        builder.AddTrackingOptions<RewriteOptions>(RewriteOptions.Section);
        builder.AddDirectoryChanges();
        builder.AddSharedCache();
        builder.AddTrackingHosts();
        builder.Services.AddMetrics();
        builder.Services.AddSingleton<RewriteTelemetry>();
        builder.Services.AddSingleton(provider =>
            new HeedHostChange(provider.GetRequiredService<RefreshDirectories>().RequestDefault));
        builder.Services.AddSingleton<FindTrackingHosts>();
        builder.Services.AddSingleton(provider =>
            new HeedHostChange(provider.GetRequiredService<FindTrackingHosts>().Heed));
        builder.Services.AddSingleton<SystemHostCertificate>();
        builder.Services.AddSingleton<ChooseHost>();
        builder.Services.AddSingleton<EffectiveSettings>();
        builder.Services.AddSingleton<KeepHtml>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<KeepHtml>());
        builder.Services.AddSingleton<TrackMessage>();
        builder.Services.AddSingleton(provider =>
            new MarkupMemory(provider.GetRequiredService<IOptions<RewriteOptions>>().Value.RememberedSegments));
        builder.Services.AddSingleton<KnownDestinations>();
        builder.Services.AddSingleton<RegisterMessages>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<RegisterMessages>());
        builder.Services.AddSingleton<DoorTelemetry>();
        builder.Services.AddSingleton<ChooseCluster>();
        builder.Services.AddSingleton<StoreOutage>();
        builder.Services.AddSingleton(provider => new TrackMail(
            provider.GetRequiredService<ChooseCluster>(),
            provider.GetRequiredService<TrackMessage>(),
            provider.GetRequiredService<StoreOutage>(),
            provider.GetRequiredService<RefreshDirectories>(),
            provider.GetRequiredService<IOptions<RewriteOptions>>(),
            provider.GetRequiredService<RewriteTelemetry>(),
            provider.GetRequiredService<ILogger<TrackMail>>()));
        return builder;
    }

    /// <summary>Maps the HTTP endpoint.</summary>
    public static WebApplication MapRewrite(this WebApplication app)
    {
        app.UseProblems();
        RewriteOverHttp.Map(app);
        return app;
    }
}

using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.EventIngest.Batches;
using Tracking.EventIngest.Bots;
using Tracking.EventIngest.Partitions;
using Tracking.EventIngest.Privacy;
using Tracking.EventIngest.Review;
using Tracking.EventIngest.Statistics;
using Tracking.EventIngest.Webhooks;
using Tracking.ServiceDefaults.Settings;
using Tracking.Webhooks;

namespace Tracking.EventIngest;

/// <summary>Stores events exactly once, classifies them, keeps counters and delivers webhooks.</summary>
public static class EventIngest
{
    /// <summary>Adds the consumer of <see cref="QueueNames.StoreEvents"/> and the maintenance of its tables. The
    /// service defaults must be added before, and the schema must exist when the host starts.</summary>
    public static IHostApplicationBuilder AddEventIngest(this IHostApplicationBuilder builder)
    {
        builder.AddBus();
        builder.AddTrackingDatabase();
        var services = builder.Services;
        builder.AddTrackingOptions<EventIngestOptions>(EventIngestOptions.Section);
        builder.AddTrackingOptions<ClassificationOptions>(ClassificationOptions.Section);
        services.AddSingleton<IngestTelemetry>();
        services.AddSingleton<ClassifyEvent>();
        services.AddSingleton<CompareRules>();
        services.AddHostedService<FollowLists>();
        services.AddSingleton<EnqueueRevisions>();
        services.AddSingleton<ReviseVerdicts>();
        services.AddSingleton<ReviewMessages>();
        services.AddHostedService(provider => provider.GetRequiredService<ReviewMessages>());
        services.AddSingleton<FindPolicies>();
        services.AddSingleton<FindAttributes>();
        services.AddSingleton<StoreBatch>();
        services.AddSingleton<TraceEvents>();
        services.AddSingleton<ConsumeBatch>();
        services.AddSingleton<CreatePartitions>();
        services.AddHostedService(provider => provider.GetRequiredService<CreatePartitions>());
        services.AddSingleton<PruneBatches>();
        services.AddHostedService(provider => provider.GetRequiredService<PruneBatches>());
        services.AddHostedService<PruneStoredEvents>();
        services.AddSingleton<MergeChanges>();
        services.AddHostedService(provider => provider.GetRequiredService<MergeChanges>());
        services.AddSingleton<RebuildCounters>();
        services.AddSingleton<ServeRebuilds>();
        services.AddHostedService(provider => provider.GetRequiredService<ServeRebuilds>());
        builder.AddWebhookDelivery();
        services.AddSingleton(new BusEndpoint(QueueNames.StoreEvents, (context, queue) =>
        {
            var options = context.GetRequiredService<IOptions<EventIngestOptions>>().Value;
            queue.ConcurrentMessageLimit = options.ConcurrentBatches;
            queue.PrefetchCount = Math.Max(options.PrefetchedBatches, options.ConcurrentBatches);

            // A batch whose handling throws goes back to the broker. (In memory, it is dropped and its edge sends it
            // again.) It does not go to an error queue: there it would be acknowledged but not stored.
            queue.RethrowFaultedMessages();
            var consume = context.GetRequiredService<ConsumeBatch>();
            queue.Handler<StoreEventBatch>(
                // The sender is resolved here, at the delivery, because it needs the bus that is being configured here.
                delivery => consume.RunAsync(delivery, context.GetRequiredService<SendToQueue>()));
        }));
        return builder;
    }

    private static void AddWebhookDelivery(this IHostApplicationBuilder builder)
    {
        builder.AddTrackingOptions<WebhookOptions>(WebhookOptions.Section);
        var services = builder.Services;
        services.TryAddSingleton<ReceiverAddress>();
        services.AddSingleton<WebhookTelemetry>();
        services.AddSingleton<WebhookConnections>();
        services.AddSingleton<KnownEndpoints>();
        services.AddHostedService(provider => provider.GetRequiredService<KnownEndpoints>());
        services.AddSingleton<EnqueueDeliveries>();
        services.AddHostedService<EnqueueDomainEvents>();
        services.AddSingleton<OpenSecrets>();
        services.AddSingleton<WebhooksWaiting>();
        services.AddSingleton<SendWebhook>();
        services.AddSingleton<ClaimEndpoints>();
        services.AddSingleton<KeepVisit>();
        services.AddSingleton<DeliverWebhook>();
        services.AddHostedService<VisitEndpoints>();
        services.AddHostedService<PruneDeliveries>();
    }

    /// <summary>Maps nothing: this service answers the bus only.</summary>
    public static WebApplication MapEventIngest(this WebApplication app) => app;
}

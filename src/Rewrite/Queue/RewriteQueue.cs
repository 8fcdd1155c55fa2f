using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Tracking.Contracts;
using Tracking.ServiceDefaults;

namespace Tracking.Rewrite.Queue;

/// <summary>The queues <c>rewrite</c> and <c>rewritten</c>: they exist where the bus is RabbitMQ.</summary>
internal static class RewriteQueue
{
    public static void Add(IHostApplicationBuilder builder)
    {
        if (RabbitAddress.Read(builder.Configuration) is null)
        {
            return;
        }

        builder.Services.AddSingleton<ChooseCluster>();
        builder.Services.AddSingleton<HoldMessages>();
        builder.Services.AddSingleton<StoreOutage>();
        builder.Services.AddSingleton<TrackDelivery>();
        builder.Services.AddSingleton<SendRewritten>();
        builder.Services.AddSingleton<FullOutput>();
        builder.Services.AddSingleton<WaitInLine>();
        builder.Services.AddSingleton<ConsumeMessage>();
        builder.Services.AddSingleton(new BusEndpoint(QueueNames.Rewrite, (context, queue) =>
        {
            var settings = context.GetRequiredService<IOptions<RewriteOptions>>().Value.Queue;
            var consume = context.GetRequiredService<ConsumeMessage>();
            queue.ConcurrentMessageLimit = settings.Concurrency;
            queue.PrefetchCount = Math.Max(settings.Prefetch, settings.Concurrency);
            ReadDelivery.Use(queue);
            queue.Handler<QueuedMessage>(delivery => consume.RunAsync(delivery.Message, delivery.CancellationToken));
        })
        {
            Outputs = [QueueNames.Rewritten],
        });
    }
}

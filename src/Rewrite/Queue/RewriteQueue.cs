using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Contracts;

namespace Tracking.Rewrite.Queue;

/// <summary>The queues <c>rewrite</c>, <c>rewrite.alone</c> and <c>rewritten</c>: they exist where the bus is
/// RabbitMQ.</summary>
internal static class RewriteQueue
{
    public static void Add(IHostApplicationBuilder builder)
    {
        if (RabbitAddress.Read(builder.Configuration) is null)
        {
            return;
        }

        builder.Services.AddSingleton<HoldMessages>();
        builder.Services.AddSingleton<TrackDelivery>();
        builder.Services.AddSingleton<SendRewritten>();
        builder.Services.AddSingleton<FullOutput>();
        builder.Services.AddSingleton<WaitInLine>();
        builder.Services.AddSingleton<ConsumeMessage>();
        builder.Services.AddSingleton(new BusEndpoint(QueueNames.Rewrite, (context, queue) =>
        {
            var settings = context.GetRequiredService<IOptions<RewriteOptions>>().Value.Queue;
            queue.ConcurrentMessageLimit = settings.Concurrency;
            queue.PrefetchCount = Math.Max(settings.Prefetch, settings.Concurrency);
            Consume(context, queue, isAlone: false);
        })
        {
            Outputs = [QueueNames.Rewritten],
        });
        builder.Services.AddSingleton(new BusEndpoint(QueueNames.RewriteAlone, (context, queue) =>
        {
            // When a process ends, every fetched message counts as delivered. So no further message is fetched.
            queue.ConcurrentMessageLimit = 1;
            queue.PrefetchCount = 1;
            Consume(context, queue, isAlone: true);
        })
        {
            DeadLettersOf = QueueNames.Rewrite,
        });
    }

    private static void Consume(IServiceProvider services, IReceiveEndpointConfigurator queue, bool isAlone)
    {
        var consume = services.GetRequiredService<ConsumeMessage>();
        ReadDelivery.Use(queue);
        queue.Handler<QueuedMessage>(delivery =>
            consume.RunAsync(delivery.Message with { IsAlone = isAlone }, delivery.CancellationToken));
    }
}

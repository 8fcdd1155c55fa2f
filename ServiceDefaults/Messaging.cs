using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Tracking.ServiceDefaults;

/// <summary>A queue that this process consumes, contributed by the service that owns it.</summary>
/// <param name="Name">The queue's name; every process that consumes it shares its messages.</param>
/// <param name="Configure">Adds consumers and their retry policy.</param>
public sealed record BusEndpoint(string Name, Action<IBusRegistrationContext, IReceiveEndpointConfigurator> Configure)
{
    /// <summary>A queue of this process alone, gone with it: how fan-out messages arrive.</summary>
    public bool IsTemporary { get; init; }
}

/// <summary>
/// The bus: MassTransit in memory. Each service adds <see cref="BusEndpoint"/>s to the services; they are gathered here
/// when the bus starts, so that one process can hold any number of services. The bus may lose anything at any time:
/// whoever sends something that matters keeps it until it is acknowledged end to end.
/// </summary>
public static class Messaging
{
    /// <summary>Adds the bus. Called once, by the service defaults.</summary>
    public static IHostApplicationBuilder AddMessaging(this IHostApplicationBuilder builder)
    {
        builder.Services.AddMassTransit(bus =>
        {
            // Otherwise every process reports itself to MassTransit's makers over the internet.
            bus.DisableUsageTelemetry();
            bus.UsingInMemory((context, transport) =>
            {
                foreach (var endpoint in context.GetServices<BusEndpoint>())
                {
                    transport.ReceiveEndpoint(endpoint.Name, queue => endpoint.Configure(context, queue));
                }
            });
        });
        return builder;
    }

    /// <summary>The address to send to so that the message lands on a queue, without declaring that queue.</summary>
    public static Uri Queue(string name) => new($"exchange:{name}");
}

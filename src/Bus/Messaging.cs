using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Bus;

/// <summary>A queue that this process consumes, contributed by the service that owns it.</summary>
/// <param name="Name">The queue's name. All processes that consume the queue share its messages.</param>
/// <param name="Configure">Adds consumers and their retry policy.</param>
public sealed record BusEndpoint(string Name, Action<IBusRegistrationContext, IReceiveEndpointConfigurator> Configure)
{
    /// <summary>Whether the queue belongs to this process alone and is deleted with it: fan-out messages arrive in such
    /// a queue.</summary>
    public bool IsTemporary { get; init; }

    /// <summary>Whether the queue belongs to one owner. It outlives the owner's restarts, and expires when the owner
    /// stays away.</summary>
    public bool IsOwned { get; init; }

    /// <summary>Whether messages that cannot be handled are kept. The messages of a queue of one process are requested
    /// again instead.</summary>
    internal bool HasDeadLetters => !IsTemporary && !IsOwned;

    /// <summary>The queue whose dead letters this queue shares. The default is the queue itself.</summary>
    public string DeadLettersOf { get; init; } = Name;

    /// <summary>Queues that the consumer writes to and that outside programs read. They are declared with this
    /// queue.</summary>
    public IReadOnlyList<string> Outputs { get; init; } = [];
}

/// <summary>
/// The bus: MassTransit over RabbitMQ if <c>ConnectionStrings__rabbitmq</c> is set, otherwise in memory. Each service
/// adds <see cref="BusEndpoint"/>s to the services. They are collected here when the bus starts, so that one process
/// can contain any number of services. The bus may lose any message at any time: the sender of an important message
/// keeps it until it is acknowledged end to end.
/// </summary>
public static class Messaging
{
    private const string HealthCheck = "masstransit-bus";

    /// <summary>Adds the bus. A service that uses the bus calls this before it adds hosted services, because services
    /// stop in reverse order. A second call changes nothing.</summary>
    /// <exception cref="StartUpException">The connection string is wrong.</exception>
    public static IHostApplicationBuilder AddBus(this IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service => service.ServiceType == typeof(SendToQueue)))
        {
            return builder;
        }

        builder.AddTrackingOptions<MessagingOptions>(MessagingOptions.Section);
        var rabbit = RabbitAddress.Read(builder.Configuration);
        builder.Services.AddMassTransit(bus =>
        {
            // Otherwise every process reports its use to MassTransit's makers over the internet.
            bus.DisableUsageTelemetry();
            if (rabbit is null)
            {
                UseMemory(bus);
            }
            else
            {
                RabbitBus.Use(bus, rabbit);
            }
        });
        if (rabbit is not null)
        {
            builder.Services.AddSingleton(rabbit);
            builder.Services.AddSingleton(provider => new AwaitBroker(
                rabbit,
                provider.GetRequiredService<IOptions<MessagingOptions>>().Value,
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<AwaitBroker>>()));
            builder.Services.AddSingleton(provider => new ConfirmedPublisher(
                rabbit,
                provider.GetRequiredService<IOptions<MessagingOptions>>().Value,
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<ConfirmedPublisher>>()));
            builder.Services.AddSingleton<DeadLetters>();
        }

        builder.Services.AddSingleton<SendToQueue>();

        return builder;
    }

    /// <summary>The address that delivers a message to a queue without declaring the queue.</summary>
    public static Uri Queue(string name) => new($"exchange:{name}");

    /// <summary>Declares that this process can work without the bus: without the bus it is degraded, and not
    /// unready.</summary>
    public static IHostApplicationBuilder LetBusBeAway(this IHostApplicationBuilder builder)
    {
        builder.Services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IPostConfigureOptions<HealthCheckServiceOptions>, DegradedWithoutBus>());
        return builder;
    }

    private static void UseMemory(IBusRegistrationConfigurator bus) => bus.UsingInMemory((context, transport) =>
    {
        foreach (var endpoint in context.GetServices<BusEndpoint>())
        {
            transport.ReceiveEndpoint(endpoint.Name, queue => endpoint.Configure(context, queue));
        }
    });

    private sealed class DegradedWithoutBus : IPostConfigureOptions<HealthCheckServiceOptions>
    {
        public void PostConfigure(string? name, HealthCheckServiceOptions options)
        {
            foreach (var check in options.Registrations.Where(check => check.Name == HealthCheck))
            {
                check.FailureStatus = HealthStatus.Degraded;
            }
        }
    }
}

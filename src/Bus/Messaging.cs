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
/// <param name="Name">The queue's name; every process that consumes it shares its messages.</param>
/// <param name="Configure">Adds consumers and their retry policy.</param>
public sealed record BusEndpoint(string Name, Action<IBusRegistrationContext, IReceiveEndpointConfigurator> Configure)
{
    /// <summary>A queue of this process alone, gone with it: how fan-out messages arrive.</summary>
    public bool IsTemporary { get; init; }

    /// <summary>A queue of one owner that outlives the owner's restarts, and expires when the owner stays
    /// away.</summary>
    public bool IsOwned { get; init; }

    /// <summary>Whether what cannot be handled is kept; a queue of one process is asked for again instead.</summary>
    internal bool HasDeadLetters => !IsTemporary && !IsOwned;

    /// <summary>The queue whose dead letters are this one's too; its own name unless said.</summary>
    public string DeadLettersOf { get; init; } = Name;

    /// <summary>Queues that its consumer writes to and somebody outside reads; they are declared with it.</summary>
    public IReadOnlyList<string> Outputs { get; init; } = [];
}

/// <summary>
/// The bus: MassTransit over RabbitMQ where <c>ConnectionStrings__rabbitmq</c> says where that is, else in memory. Each
/// service adds <see cref="BusEndpoint"/>s to the services; they are gathered here when the bus starts, so that one
/// process can hold any number of services. The bus may lose anything at any time: whoever sends something that matters
/// keeps it until it is acknowledged end to end.
/// </summary>
public static class Messaging
{
    private const string HealthCheck = "masstransit-bus";

    /// <summary>Adds the bus. Every service that uses it calls this before it adds anything that runs, since what is
    /// added first is stopped last; calling twice is once.</summary>
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
            // Otherwise every process reports itself to MassTransit's makers over the internet.
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

    /// <summary>The address to send to so that the message lands on a queue, without declaring that queue.</summary>
    public static Uri Queue(string name) => new($"exchange:{name}");

    /// <summary>Says that this process does its work without the bus: its absence makes it degraded, not
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

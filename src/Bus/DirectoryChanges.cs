using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Bus;

/// <summary>
/// The one way of invalidation: whoever changes a cluster, key, host or signing key announces it, and every process
/// reads again. A lost announcement costs time only: caches also refresh by themselves.
/// </summary>
public sealed partial class DirectoryChanges(IBus bus, IServiceProvider services, ILogger<DirectoryChanges> logger)
{
    /// <summary>Applies the change in this process and tells the others. Never waits: a bus that is away must not keep
    /// the request that made the change.</summary>
    /// <param name="cluster">The cluster concerned; <see langword="null"/> for all.</param>
    /// <param name="isDeleted">Whether it was deleted; of a tracking domain, whether its links stop: it was deleted, or
    /// became pending.</param>
    /// <param name="hostname">The tracking domain concerned, A-labels; <see langword="null"/> for the cluster or
    /// more.</param>
    public void Announce(ClusterId? cluster, bool isDeleted = false, string? hostname = null)
    {
        var change = new DirectoryChanged
        {
            Id = Guid.CreateVersion7(), Cluster = cluster?.Value, Hostname = hostname, IsDeleted = isDeleted,
        };
        Apply(change);
        _ = PublishAsync(change);
    }

    internal void Apply(DirectoryChanged change)
    {
        if (change.Hostname is { } hostname)
        {
            // One name's change reloads one name.
            var host = new HostChange(
                change.Cluster is { } owner ? new ClusterId(owner) : null, hostname, change.IsDeleted);
            foreach (var remembered in services.GetServices<HeedHostChange>())
            {
                remembered.Heed(host);
            }

            return;
        }

        if (change is { IsDeleted: true, Cluster: { } deleted })
        {
            services.GetService<ClusterDirectory>()?.Remove(new ClusterId(deleted));
        }

        foreach (var remembered in services.GetServices<ForgetOnChange>())
        {
            remembered.Forget();
        }

        services.GetService<RefreshDirectories>()?.RequestNow();
    }

    private async Task PublishAsync(DirectoryChanged change)
    {
        try
        {
            await Task.Yield();
            await bus.Publish(change, CancellationToken.None);
        }
#pragma warning disable CA1031 // Nobody awaits this: whatever the transport throws is logged, caches refresh anyway.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogNotAnnounced(exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "A change could not be announced; other processes see it with their next refresh")]
    private partial void LogNotAnnounced(Exception exception);
}

/// <summary>Adds <see cref="DirectoryChanges"/> and its queue.</summary>
public static class DirectoryChangesComposition
{
    /// <summary>Announces and hears changes; every service that caches calls it, calling twice is once.</summary>
    public static IHostApplicationBuilder AddDirectoryChanges(this IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service => service.ServiceType == typeof(DirectoryChanges)))
        {
            return builder;
        }

        builder.AddBus();
        builder.Services.AddSingleton<DirectoryChanges>();
        builder.Services.AddSingleton(new BusEndpoint(
            $"directory-{Guid.NewGuid():N}",
            (context, queue) => queue.Handler<DirectoryChanged>(changed =>
            {
                context.GetRequiredService<DirectoryChanges>().Apply(changed.Message);
                return Task.CompletedTask;
            }))
        {
            IsTemporary = true,
        });
        return builder;
    }
}

using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Bus;

/// <summary>
/// The only way of invalidation: a process that changes a cluster, key, host or signing key announces the change, and
/// every process reads again. A lost announcement only costs time, because caches also refresh by themselves.
/// </summary>
public sealed partial class DirectoryChanges(IBus bus, IServiceProvider services, ILogger<DirectoryChanges> logger)
{
    /// <summary>Applies the change in this process and announces it to the others. Never waits: an unavailable bus must
    /// not delay the request that made the change.</summary>
    /// <param name="cluster">The cluster concerned; <see langword="null"/> for all.</param>
    /// <param name="isDeleted">Whether the cluster was deleted. For a tracking domain: whether its links stop, because
    /// it was deleted or became pending.</param>
    /// <param name="hostname">The tracking domain concerned, A-labels; <see langword="null"/> for the cluster or
    /// more.</param>
    public void Announce(ClusterId? cluster, bool isDeleted = false, string? hostname = null)
    {
        var change = new DirectoryChanged
        {
            Id = Guid.CreateVersion7(),
            Cluster = cluster?.Value,
            Hostname = hostname,
            IsDeleted = isDeleted,
        };
        Apply(change);
        _ = PublishAsync(change);
    }

    /// <summary>The same, for blocked and repaired destinations and withdrawals.</summary>
    /// <param name="cluster">The cluster concerned; <see langword="null"/> for all.</param>
    public void AnnounceRules(ClusterId? cluster)
    {
        var change = new DirectoryChanged
        {
            Id = Guid.CreateVersion7(),
            Cluster = cluster?.Value,
            AreRules = true,
        };
        Apply(change);
        _ = PublishAsync(change);
    }

    internal void Apply(DirectoryChanged change)
    {
        if (change.AreRules)
        {
            foreach (var remembered in services.GetServices<HeedRules>())
            {
                remembered.Heed();
            }

            return;
        }

        if (change.Hostname is { } hostname)
        {
            // A change of one name reloads only this name.
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
#pragma warning disable CA1031 // No caller awaits this task: every failure is logged, and caches refresh by themselves.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogNotAnnounced(exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "A change could not be announced; other processes read it at their next refresh")]
    private partial void LogNotAnnounced(Exception exception);
}

/// <summary>Adds <see cref="DirectoryChanges"/> and its queue.</summary>
public static class DirectoryChangesComposition
{
    /// <summary>Announces and receives changes. Every service with a cache calls it; a second call changes
    /// nothing.</summary>
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

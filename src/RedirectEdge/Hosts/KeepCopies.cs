using Microsoft.Extensions.Hosting;
using Tracking.RedirectEdge.Destinations;

namespace Tracking.RedirectEdge.Hosts;

/// <summary>Reads the copies of hosts, keys and links before the first request, and keeps them current.</summary>
internal sealed class KeepCopies(HostDirectory hosts, HostCopy names, LinkLookup links, TimeProvider time)
    : BackgroundService
{
    // Comparing with the last copy costs microseconds. A restart needs a copy that is only seconds old.
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        hosts.Restore();
        names.Restore();
        links.Restore();
        hosts.Copy();
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        hosts.Copy();
        names.Compact();
        links.Compact();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_pause, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                hosts.Copy();
                names.CompactWhenFull();
                links.CompactWhenFull();
            }
        }
        catch (OperationCanceledException)
        {
            // The edge is stopping.
        }
    }
}

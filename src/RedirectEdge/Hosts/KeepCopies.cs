using Microsoft.Extensions.Hosting;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Imported;

namespace Tracking.RedirectEdge.Hosts;

/// <summary>Reads the copies of hosts, keys and links before the first request, and keeps them current.</summary>
internal sealed class KeepCopies(
    HostDirectory hosts, HostCopy names, LinkLookup links, ImportedLinks imported, TimeProvider time)
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
        imported.Restore();
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
        imported.Compact();
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
                imported.CompactWhenFull();
            }
        }
        catch (OperationCanceledException)
        {
            // The edge is stopping.
        }
    }
}

using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// Turns segments into batches in the background. A full segment is sealed at once. An old segment is sealed while a
/// batch can be sent. While batches wait, clicks collect in one segment instead of in many small ones.
/// </summary>
internal sealed class SealSegments(EventSpool spool, IOptions<RedirectEdgeOptions> options, TimeProvider time)
    : BackgroundService
{
    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Leaves the thread that starts the host.
        await Task.Yield();
        var settings = options.Value;
        var pause = settings.SealAfter / 2;
        var synced = time.GetTimestamp();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await spool.WaitForWorkAsync(pause, stoppingToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            spool.DetachDue();
            spool.SealDetached();
            if (settings.Fsync == SpoolFsync.Interval && time.GetElapsedTime(synced) >= settings.FsyncInterval)
            {
                synced = time.GetTimestamp();
                spool.SyncOpen();
            }
        }
    }
}

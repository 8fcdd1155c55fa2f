using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// Turns segments into batches beside the requests: by size as soon as one is full, by age while there is room to send
/// it. While batches wait, clicks gather in one segment instead of many small ones.
/// </summary>
internal sealed class SealSegments(EventSpool spool, IOptions<RedirectEdgeOptions> options, TimeProvider time)
    : BackgroundService
{
    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Not on the thread that starts the host.
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

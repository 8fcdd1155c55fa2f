using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Tracking.Rewrite.Queue;

/// <summary>Lets a message wait while the store or the broker is unavailable. When the process stops, the message
/// returns to its queue for another process.</summary>
internal sealed class HoldMessages(
    IHostApplicationLifetime lifetime, TimeProvider time, IOptions<RewriteOptions> options)
{
    /// <summary>Whether the process is stopping.</summary>
    public bool IsStopping => lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>Waits before another attempt.</summary>
    /// <exception cref="OperationCanceledException">The process is stopping.</exception>
    public async Task PauseAsync(CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken, lifetime.ApplicationStopping);
        await Task.Delay(options.Value.Queue.HoldPause, time, stopping.Token);
    }
}

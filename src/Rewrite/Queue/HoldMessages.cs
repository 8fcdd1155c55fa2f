using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Tracking.Rewrite.Queue;

/// <summary>Lets a message wait for what is away. When the process stops it does not wait: the message goes back to its
/// queue, to another process.</summary>
internal sealed class HoldMessages(
    IHostApplicationLifetime lifetime, TimeProvider time, IOptions<RewriteOptions> options)
{
    /// <summary>Whether the process stops.</summary>
    public bool IsStopping => lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>Waits before another attempt.</summary>
    /// <exception cref="OperationCanceledException">The process stops.</exception>
    public async Task PauseAsync(CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken, lifetime.ApplicationStopping);
        await Task.Delay(options.Value.Queue.HoldPause, time, stopping.Token);
    }
}

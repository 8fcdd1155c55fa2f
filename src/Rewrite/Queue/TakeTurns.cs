using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Lets messages be worked on at the same time as far as their bytes allow: many small ones, which wait for a commit
/// most of the time, or a few large ones, each of which takes a multiple of its size.
/// </summary>
internal sealed class TakeTurns : IDisposable
{
    // In kilobytes, because the limiter counts in an int whatever waits.
    private const int Unit = 1024;

    private readonly int _units;
    private readonly ConcurrencyLimiter _limiter;

    public TakeTurns(IOptions<RewriteOptions> options)
    {
        _units = (int)(options.Value.Queue.MaxBytesAtOnce / Unit);
        _limiter = new ConcurrencyLimiter(new ConcurrencyLimiterOptions
        {
            PermitLimit = _units,
            QueueLimit = int.MaxValue,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        });
    }

    /// <summary>Returns when the message may be worked on; disposing what it returns lets others. A message that is
    /// larger than the limit has its turn alone.</summary>
    public async ValueTask<IDisposable> EnterAsync(QueuedMessage delivery, CancellationToken cancellationToken) =>
        await _limiter.AcquireAsync(
            (int)Math.Min((OpenBody.SizeOf(delivery) / Unit) + 1, _units), cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _limiter.Dispose();
}

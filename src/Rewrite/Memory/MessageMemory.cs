using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;

namespace Tracking.Rewrite.Memory;

/// <summary>
/// How many bytes of messages are in memory at the same time: many small ones, which wait for a commit most of the
/// time, or a few large ones, each of which takes a multiple of its size. The queue and HTTP have bytes of their own, so
/// that neither waits for the other. A message of the queue waits for its turn; a request is refused, since its client
/// can come again, and one that waited would hold what others wait for.
/// </summary>
internal sealed class MessageMemory : IDisposable
{
    // In kilobytes, because the limiters count in an int.
    private const int Unit = 1024;

    private readonly int _queueUnits;
    private readonly ConcurrencyLimiter _queue;
    private readonly ConcurrencyLimiter _requests;
    private readonly PartitionedRateLimiter<Guid> _keys;

    public MessageMemory(IOptions<RewriteOptions> options)
    {
        _queueUnits = Units(options.Value.Queue.MaxBytesAtOnce);
        _queue = new ConcurrencyLimiter(Limit(_queueUnits, int.MaxValue));
        _requests = new ConcurrencyLimiter(Limit(Units(options.Value.MaxRequestBytesAtOnce), 0));
        var keyUnits = Units(options.Value.MaxKeyBytesAtOnce);
        _keys = PartitionedRateLimiter.Create<Guid, Guid>(
            key => RateLimitPartition.GetConcurrencyLimiter(key, _ => Limit(keyUnits, 0)));
    }

    /// <summary>Returns when a message of the queue may be worked on; disposing what it returns lets others. A message
    /// that is larger than the limit has its turn alone.</summary>
    public async ValueTask<IDisposable> EnterAsync(long bytes, CancellationToken cancellationToken) =>
        await _queue.AcquireAsync(Math.Min(Units(bytes) + 1, _queueUnits), cancellationToken);

    /// <summary>What a request with this API key holds: nothing yet.</summary>
    public RequestMemory OfRequest(Guid key) => new(this, key);

    /// <inheritdoc/>
    public void Dispose()
    {
        _queue.Dispose();
        _requests.Dispose();
        _keys.Dispose();
    }

    /// <summary>Takes bytes of a key's share and of everybody's.</summary>
    /// <param name="key">The key.</param>
    /// <param name="before">What the same message has already: a message that comes in many pieces is rounded up once,
    /// not once a piece.</param>
    /// <param name="bytes">How many more.</param>
    internal TakenBytes Take(Guid key, long before, int bytes)
    {
        var units = Units(before + bytes + Unit - 1L) - Units(before + Unit - 1L);
        if (units == 0)
        {
            return new TakenBytes(MemoryAnswer.Taken, []);
        }

        var share = _keys.AttemptAcquire(key, units);
        if (!share.IsAcquired)
        {
            return new TakenBytes(MemoryAnswer.KeyHasItsShare, []);
        }

        var taken = _requests.AttemptAcquire(units);
        if (taken.IsAcquired)
        {
            return new TakenBytes(MemoryAnswer.Taken, [share, taken]);
        }

        share.Dispose();
        return new TakenBytes(MemoryAnswer.NoneFree, []);
    }

    private static int Units(long bytes) => (int)Math.Min(bytes / Unit, int.MaxValue - 1);

    private static ConcurrencyLimiterOptions Limit(int units, int waiting) => new()
    {
        PermitLimit = units, QueueLimit = waiting, QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    };

    /// <summary>Bytes that were taken, or why not.</summary>
    internal readonly record struct TakenBytes(MemoryAnswer Answer, RateLimitLease[] Leases);
}

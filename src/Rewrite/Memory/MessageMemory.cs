using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;

namespace Tracking.Rewrite.Memory;

/// <summary>
/// Limits the bytes of messages in memory: many small messages, which mostly wait for a commit, or a few large ones,
/// each of which takes a multiple of its size. The queue and HTTP have separate limits, so that neither waits for the
/// other. A message of the queue waits until bytes are free. A request is refused instead: its client can try again,
/// and a waiting request would itself hold bytes that others wait for.
/// </summary>
internal sealed class MessageMemory : IDisposable
{
    // The limiters count in an int, so the unit is a kilobyte.
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

    /// <summary>Waits until the bytes of a message of the queue are free, and takes them; disposing the result frees
    /// them. A message that is larger than the limit waits until it is alone.</summary>
    public async ValueTask<IDisposable> EnterAsync(long bytes, CancellationToken cancellationToken) =>
        await _queue.AcquireAsync(Math.Min(Units(bytes) + 1, _queueUnits), cancellationToken);

    /// <summary>The bytes of a request with this API key; none at first.</summary>
    public RequestMemory OfRequest(Guid key) => new(this, key);

    /// <inheritdoc/>
    public void Dispose()
    {
        _queue.Dispose();
        _requests.Dispose();
        _keys.Dispose();
    }

    /// <summary>Takes bytes from the key's share and from the total.</summary>
    /// <param name="key">The key.</param>
    /// <param name="before">The bytes that the same message has already. A message that comes in many pieces is rounded
    /// up to kilobytes once, and not once per piece.</param>
    /// <param name="bytes">The number of further bytes.</param>
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
        PermitLimit = units,
        QueueLimit = waiting,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    };

    /// <summary>Taken bytes, or the reason why they were not taken.</summary>
    internal readonly record struct TakenBytes(MemoryAnswer Answer, RateLimitLease[] Leases);
}

namespace Tracking.ServiceDefaults.Hosting;

/// <summary>
/// Limits how often an action may happen, for each of any number of keys, in a fixed amount of memory. A key's bucket
/// is one of a fixed number, chosen by a hash that no outsider can predict. Keys in one bucket share it.
/// </summary>
/// <param name="count">The number of buckets.</param>
/// <param name="perSecond">The tokens that a bucket gains per second. It holds the tokens of one second.</param>
/// <param name="time">The clock.</param>
public sealed class TokenBuckets(int count, int perSecond, TimeProvider time)
{
    private readonly Lock _taking = new();
    private readonly (double Tokens, long At)[] _buckets = new (double, long)[count];

    /// <summary>Takes a token, if the bucket has one.</summary>
    public bool TryTake<T>(T key)
        where T : notnull
    {
        ref var bucket = ref _buckets[(uint)HashCode.Combine(key) % (uint)count];
        var now = time.GetTimestamp();
        lock (_taking)
        {
            // An unused bucket is full.
            var tokens = bucket.At == 0
                ? perSecond
                : Math.Min(perSecond, bucket.Tokens + time.GetElapsedTime(bucket.At, now).TotalSeconds * perSecond);
            var isTaken = tokens >= 1;
            bucket = (isTaken ? tokens - 1 : tokens, now);
            return isTaken;
        }
    }
}

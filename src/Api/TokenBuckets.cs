namespace Tracking.Api;

/// <summary>
/// How often something may happen, for each of any number of keys, in memory that does not grow: a key's bucket is one of
/// a fixed number, chosen by a hash that nobody outside can foresee. Keys that meet in a bucket share it.
/// </summary>
/// <param name="count">Buckets.</param>
/// <param name="perSecond">What a bucket gains in a second; it holds one second's worth.</param>
/// <param name="time">The clock.</param>
internal sealed class TokenBuckets(int count, int perSecond, TimeProvider time)
{
    private readonly Lock _taking = new();
    private readonly (double Tokens, long At)[] _buckets = new (double, long)[count];

    /// <summary>Takes one, if there is one.</summary>
    public bool TryTake<T>(T key)
        where T : notnull
    {
        ref var bucket = ref _buckets[(uint)HashCode.Combine(key) % (uint)count];
        var now = time.GetTimestamp();
        lock (_taking)
        {
            // A bucket that nobody has used is full.
            var tokens = bucket.At == 0
                ? perSecond
                : Math.Min(perSecond, bucket.Tokens + time.GetElapsedTime(bucket.At, now).TotalSeconds * perSecond);
            var isTaken = tokens >= 1;
            bucket = (isTaken ? tokens - 1 : tokens, now);
            return isTaken;
        }
    }
}

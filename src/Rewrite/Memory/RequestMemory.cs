using System.Threading.RateLimiting;

namespace Tracking.Rewrite.Memory;

/// <summary>Whether a request may hold more.</summary>
internal enum MemoryAnswer
{
    /// <summary>It holds them now.</summary>
    Taken,

    /// <summary>All requests together hold as much as they may.</summary>
    NoneFree,

    /// <summary>Those with the same API key hold as much as they may.</summary>
    KeyHasItsShare,
}

/// <summary>The bytes of <see cref="MessageMemory"/> that one request holds: taken as its message arrives, because what
/// a client announces is its word only, and given back when this is disposed.</summary>
internal sealed class RequestMemory(MessageMemory memory, Guid key) : IDisposable
{
    private readonly List<RateLimitLease> _leases = [];
    private long _bytes;

    /// <summary>Takes more bytes, all of them or none.</summary>
    public MemoryAnswer Take(int bytes)
    {
        var (answer, leases) = memory.Take(key, _bytes, bytes);
        _leases.AddRange(leases);
        _bytes += answer == MemoryAnswer.Taken ? bytes : 0;
        return answer;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _leases.ForEach(lease => lease.Dispose());
        _leases.Clear();
        _bytes = 0;
    }
}

using System.Threading.RateLimiting;

namespace Tracking.Rewrite.Memory;

/// <summary>Whether a request may take more bytes.</summary>
internal enum MemoryAnswer
{
    /// <summary>The request has the bytes.</summary>
    Taken,

    /// <summary>All requests together have reached the limit.</summary>
    NoneFree,

    /// <summary>The requests with the same API key have reached the key's limit.</summary>
    KeyHasItsShare,
}

/// <summary>The bytes of <see cref="MessageMemory"/> that one request holds. They are taken while the message arrives,
/// because a client may announce a wrong size. Disposing gives them back.</summary>
internal sealed class RequestMemory(MessageMemory memory, Guid key) : IDisposable
{
    private readonly List<RateLimitLease> _leases = [];
    private long _bytes;

    /// <summary>Takes more bytes: all of them or none.</summary>
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

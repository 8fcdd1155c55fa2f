namespace Tracking.Rewrite.Queue;

/// <summary>
/// How long the store has been unavailable, over all messages. Each message's own wait would add up: those behind it
/// would wait as long again, and hours after the outage had ended.
/// </summary>
internal sealed class StoreOutage(TimeProvider time)
{
    private readonly Lock _lock = new();
    private long? _began;
    private bool _isProbed;

    /// <summary>It did not register a message.</summary>
    public void Saw()
    {
        lock (_lock)
        {
            _began ??= time.GetTimestamp();
        }
    }

    /// <summary>It registered a message.</summary>
    public void Ended()
    {
        lock (_lock)
        {
            _began = null;
        }
    }

    /// <summary>Whether messages go out untracked by now.</summary>
    /// <param name="longest">How long they are held.</param>
    public bool Lasts(TimeSpan longest)
    {
        lock (_lock)
        {
            return _began is { } began && time.GetElapsedTime(began) >= longest;
        }
    }

    /// <summary>Whether a message should ask the store. When messages are no longer held one at a time asks, since each
    /// answer may take as long as a registration may.</summary>
    /// <param name="longest">How long messages are held.</param>
    /// <param name="isProbe">Whether it is the one; it says so by <see cref="Probed"/> when it has its
    /// answer.</param>
    public bool MayAsk(TimeSpan longest, out bool isProbe)
    {
        lock (_lock)
        {
            if (!Lasts(longest))
            {
                isProbe = false;
                return true;
            }

            isProbe = !_isProbed;
            _isProbed = true;
            return isProbe;
        }
    }

    /// <summary>The one that asks has its answer.</summary>
    public void Probed()
    {
        lock (_lock)
        {
            _isProbed = false;
        }
    }
}

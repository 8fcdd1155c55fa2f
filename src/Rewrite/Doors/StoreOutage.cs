namespace Tracking.Rewrite.Doors;

/// <summary>
/// Measures how long the store has been unavailable, over all messages. A separate time per message would add up: each
/// message would wait as long again, even hours after the end of the outage.
/// </summary>
internal sealed class StoreOutage(TimeProvider time)
{
    private readonly Lock _lock = new();
    private long? _began;
    private bool _isProbed;

    /// <summary>Notes that the store did not register a message.</summary>
    public void Saw()
    {
        lock (_lock)
        {
            _began ??= time.GetTimestamp();
        }
    }

    /// <summary>Notes that the store registered a message.</summary>
    public void Ended()
    {
        lock (_lock)
        {
            _began = null;
        }
    }

    /// <summary>Whether the outage is so long that messages go out untracked.</summary>
    /// <param name="longest">The longest time that messages are held.</param>
    public bool Lasts(TimeSpan longest)
    {
        lock (_lock)
        {
            return _began is { } began && time.GetElapsedTime(began) >= longest;
        }
    }

    /// <summary>Whether a message should ask the store. Once messages are no longer held, only one message asks at a
    /// time, because each answer may take as long as a registration.</summary>
    /// <param name="longest">The longest time that messages are held.</param>
    /// <param name="isProbe">Whether this message is the one that asks. It must call <see cref="Probed"/> after the
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

    /// <summary>Notes that the message that asked has its answer.</summary>
    public void Probed()
    {
        lock (_lock)
        {
            _isProbed = false;
        }
    }
}

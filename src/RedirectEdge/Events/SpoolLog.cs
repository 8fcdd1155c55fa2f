using Microsoft.Extensions.Logging;

namespace Tracking.RedirectEdge.Events;

/// <summary>The spool's log messages about failures. Each kind of failure is logged at most every ten seconds, because
/// a full disk fails at every click.</summary>
internal sealed partial class SpoolLog(ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(10);
    private readonly Lock _gate = new();
    private long _unreported;
    private long? _lastDrop;
    private long? _lastFailure;

    public void Recovered(Recovery recovery)
    {
        if (recovery.Sealed.Count > 0)
        {
            LogRecovered(logger, recovery.Sealed.Count, recovery.RecoveredEvents);
        }

        if (recovery.CutBytes > 0)
        {
            LogCut(logger, recovery.CutBytes);
        }
    }

    public void Dropped(int events, string reason)
    {
        long unreported;
        lock (_gate)
        {
            _unreported += events;
            if (!IsDue(ref _lastDrop))
            {
                return;
            }

            (unreported, _unreported) = (_unreported, 0);
        }

        LogDropped(logger, unreported, reason);
    }

    public void SealFailed(Exception exception) => Failed("A segment could not be sealed", exception);

    public void SyncFailed(Exception exception) => Failed("The open segment could not be synced", exception);

    public void ForgetFailed(Exception exception) => Failed("A stored segment could not be deleted", exception);

    public void MarkFailed(Exception exception) => Failed("The empty folder could not be marked", exception);

    private void Failed(string what, Exception exception)
    {
        lock (_gate)
        {
            if (!IsDue(ref _lastFailure))
            {
                return;
            }
        }

        LogFailed(logger, what, exception.Message);
    }

    private bool IsDue(ref long? last)
    {
        if (last is { } at && time.GetElapsedTime(at) < _pause)
        {
            return false;
        }

        last = time.GetTimestamp();
        return true;
    }

    [LoggerMessage(Level = LogLevel.Information,
        Message = "The spool has {Batches} batches of an earlier run; {Events} of their events were not sealed")]
    private static partial void LogRecovered(ILogger logger, int batches, long events);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "{Bytes} bytes of an incomplete record were cut off; its answer had not left")]
    private static partial void LogCut(ILogger logger, long bytes);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "EVENTS LOST: {Events} since the last such line; reason: {Reason}; redirects continue")]
    private static partial void LogDropped(ILogger logger, long events, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{What}: {Reason}; the edge tries again")]
    private static partial void LogFailed(ILogger logger, string what, string reason);
}

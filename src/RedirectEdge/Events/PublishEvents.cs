using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Contracts;

namespace Tracking.RedirectEdge.Events;

/// <summary>Gives a batch to the bus. The task ends when the bus has the batch; it may never end.</summary>
internal delegate Task SendBatch(StoreEventBatch batch);

/// <summary>
/// Sends sealed segments to EventIngest, the oldest first and a window of them at a time. A segment is deleted only
/// after EventIngest reports that its transaction has committed. The bus may lose, repeat or delay a message, so an
/// unacknowledged batch is sent again. The publisher never waits for a send and never cancels one, so a send that hangs
/// blocks only its own place in the window.
/// </summary>
internal sealed partial class PublishEvents(
    EventSpool spool,
    SendBatch send,
    IOptions<RedirectEdgeOptions> options,
    TimeProvider time,
    EdgeMeters meters,
    ILogger<PublishEvents> logger) : BackgroundService
{
    /// <summary>Sends of one batch that may hang at a time: each send holds the batch's bytes.</summary>
    private const int MaxUnfinishedSends = 4;

    // A send that fails at once shows that the bus is unavailable. It is repeated sooner than a send without an answer.
    private static readonly TimeSpan _retryFailedAfter = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly SortedDictionary<long, Flight> _inFlight = [];
    private readonly SemaphoreSlim _wake = new(0, 1);

    /// <summary>The number of batches that are sent and not acknowledged.</summary>
    internal int InFlight
    {
        get
        {
            lock (_gate)
            {
                return _inFlight.Count;
            }
        }
    }

    /// <summary>Processes an acknowledgement. A batch that is not in flight was acknowledged before.</summary>
    public void Acknowledge(EventBatchStored stored)
    {
        Flight? flight;
        lock (_gate)
        {
            if (stored.EdgeId != spool.EdgeId || !_inFlight.Remove(stored.Sequence, out flight))
            {
                return;
            }
        }

        spool.Forget(flight.Segment);
        meters.Acknowledged.Add(1);
        Wake();
    }

    /// <summary>Sends new batches while the window has space, and batches whose acknowledgement is overdue.</summary>
    /// <returns>The time until a batch may be due again.</returns>
    internal TimeSpan PublishDue()
    {
        var now = time.GetTimestamp();
        var due = new List<Flight>();
        var pause = options.Value.ResendAfter;
        lock (_gate)
        {
            foreach (var flight in _inFlight.Values)
            {
                var left = flight.Pause - time.GetElapsedTime(flight.SentAt, now);
                if (left <= TimeSpan.Zero)
                {
                    due.Add(flight);
                }
                else if (left < pause)
                {
                    pause = left;
                }
            }

            while (_inFlight.Count < options.Value.InFlightBatches && spool.Sealed.TryRead(out var segment))
            {
                var flight = new Flight(segment);
                _inFlight.Add(segment.Sequence, flight);
                due.Add(flight);
            }
        }

        foreach (var flight in due)
        {
            Send(flight, now);
        }

        return pause;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        while (!stoppingToken.IsCancellationRequested)
        {
            var pause = PublishDue();
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            var acknowledged = _wake.WaitAsync(waiting.Token);
            var elapsed = Task.Delay(pause, time, waiting.Token);
            // While the window is full, new segments need no attention.
            await (InFlight < options.Value.InFlightBatches
                ? Task.WhenAny(acknowledged, elapsed, spool.Sealed.WaitToReadAsync(waiting.Token).AsTask())
                : Task.WhenAny(acknowledged, elapsed));
            await waiting.CancelAsync();
        }

        // Batches in flight stay on disk, and the next start sends them again.
    }

    private void Wake()
    {
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // The loop is already awake.
        }
    }

    private void Send(Flight flight, long now)
    {
        var first = flight.Attempts == 0;
        flight.SentAt = now;
        flight.Attempts++;
        flight.Pause = Backoff(options.Value.ResendAfter, flight.Attempts, options.Value.ResendAtMost);
        if (!first)
        {
            meters.Resent.Add(1);
            LogResent(flight.Segment.Sequence, flight.Attempts);
            if (Volatile.Read(ref flight.Unfinished) >= MaxUnfinishedSends)
            {
                LogHanging(flight.Segment.Sequence, MaxUnfinishedSends);
                return;
            }
        }
        else
        {
            meters.Published.Add(1);
        }

        _ = SendAsync(flight);
    }

    private async Task SendAsync(Flight flight)
    {
        Interlocked.Increment(ref flight.Unfinished);
        try
        {
            await send(new StoreEventBatch
            {
                Id = Guid.CreateVersion7(time.GetUtcNow()),
                EdgeId = spool.EdgeId,
                Sequence = flight.Segment.Sequence,
                AcknowledgedBelow = spool.AcknowledgedBelow,
                Count = flight.Segment.Events,
                Events = await spool.ReadAsync(flight.Segment, CancellationToken.None),
            });
        }
        catch (FileNotFoundException)
        {
            // The batch was acknowledged and deleted while the second send was being prepared.
        }
        catch (Exception exception)
        {
            // Every exception of a transport means that the batch was not sent. The batch is on disk and is sent again.
            lock (_gate)
            {
                flight.Pause = Backoff(_retryFailedAfter, flight.Attempts, options.Value.ResendAfter);
            }

            LogSendFailed(flight.Segment.Sequence, exception.Message);
            Wake();
        }
        finally
        {
            Interlocked.Decrement(ref flight.Unfinished);
        }
    }

    private static TimeSpan Backoff(TimeSpan first, int attempts, TimeSpan atMost)
    {
        var doubled = first * (1 << Math.Min(attempts - 1, 16));
        return doubled < atMost ? doubled : atMost;
    }

    private sealed class Flight(SpoolSegment segment)
    {
        public int Unfinished;

        public SpoolSegment Segment { get; } = segment;

        public long SentAt { get; set; }

        public int Attempts { get; set; }

        public TimeSpan Pause { get; set; } = TimeSpan.MaxValue;
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Batch {Sequence} is not acknowledged; attempt {Attempt} is sent")]
    private partial void LogResent(long sequence, int attempt);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "Batch {Sequence}: {Sends} sends neither end nor fail, so no further send starts; the bus hangs")]
    private partial void LogHanging(long sequence, int sends);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Batch {Sequence} could not be sent and is sent again: {Reason}")]
    private partial void LogSendFailed(long sequence, string reason);
}

using MassTransit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Database;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Handles one delivery from the queue: stores the batch, acknowledges it to its edge, then makes the spans. While the
/// database is unavailable, the batch is tried again after growing pauses. If it went back to the bus instead, the
/// whole queue would move to the error queue. Any other fault is tried a few times and then thrown, so that it does not
/// block other batches. After an exception nothing is acknowledged, and the edge sends the batch again.
/// </summary>
internal sealed partial class ConsumeBatch(
    StoreBatch store,
    TraceEvents trace,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    IOptions<EventIngestOptions> options,
    ILogger<ConsumeBatch> logger)
{
    /// <summary>Handles one delivery.</summary>
    public Task RunAsync(ConsumeContext<StoreEventBatch> delivery, SendToQueue queue) => RunAsync(
        delivery.Message,
        (stored, _) => AcknowledgeAsync(queue, stored),
        delivery.CancellationToken);

    internal async Task RunAsync(
        StoreEventBatch batch,
        Func<EventBatchStored, CancellationToken, Task> acknowledge,
        CancellationToken cancellationToken)
    {
        var faults = 0;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var startedAt = time.GetUtcNow();
                var sampled = new List<int>();
                await store.RunAsync(batch, sampled, cancellationToken);
                await acknowledge(AcknowledgementOf(batch), cancellationToken);
                await trace.RunAsync(batch, sampled, startedAt, cancellationToken);
                return;
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested
                && (StoreAway.IsOrUnfit(exception) || ++faults < options.Value.AttemptsAfterFault))
            {
                var pause = PauseAfter(attempt, options.Value);
                LogAgain(batch.EdgeId, batch.Sequence, attempt, pause, exception.Message);
                await PauseAsync(pause, cancellationToken);
            }
        }
    }

    /// <summary>The pause after a failed attempt. The first attempt is number 1.</summary>
    internal static TimeSpan PauseAfter(int attempt, EventIngestOptions options)
    {
        var doubled = options.FirstRetry * Math.Pow(2, Math.Min(attempt - 1, 30));
        return doubled < options.LongestRetry ? doubled : options.LongestRetry;
    }

    private EventBatchStored AcknowledgementOf(StoreEventBatch batch) => new()
    {
        Id = Guid.CreateVersion7(time.GetUtcNow()),
        EdgeId = batch.EdgeId,
        Sequence = batch.Sequence,
    };

    // When the process stops, a batch that is being stored is finished. A batch that waits for the database is left to
    // the next process.
    private async Task PauseAsync(TimeSpan pause, CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken, lifetime.ApplicationStopping);
        await Task.Delay(pause, time, stopping.Token);
    }

    private async Task AcknowledgeAsync(SendToQueue queue, EventBatchStored stored)
    {
        try
        {
            await queue.SendAsync(QueueNames.Acknowledgements(stored.EdgeId), stored);
        }
        catch (NoSuchQueueException)
        {
            // The edge has been away for so long that its queue has expired. The edge sends the batch again when it is
            // back.
            LogNobodyToTell(stored.EdgeId, stored.Sequence);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Batch {Sequence} of edge {Edge} is not stored after attempt {Attempt}, next in {Pause}: {Reason}")]
    private partial void LogAgain(Guid edge, long sequence, int attempt, TimeSpan pause, string reason);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Batch {Sequence} is stored. Its edge {Edge} has no queue for the acknowledgement")]
    private partial void LogNobodyToTell(Guid edge, long sequence);
}

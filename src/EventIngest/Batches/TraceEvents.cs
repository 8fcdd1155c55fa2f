using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Contracts;
using Tracking.Links;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Makes a span <c>store event</c> for each stored event whose click was sampled. The span is a child of the click's
/// span and is linked to the trace in which the message was rewritten. The click comes days after the mail, so the two
/// traces are separate. The spans are made after the acknowledgement. A fault here is only logged, because the batch is
/// stored.
/// </summary>
internal sealed partial class TraceEvents(NpgsqlDataSource dataSource, ILogger<TraceEvents> logger)
{
    private const int TraceIdSize = 16;
    private const int TraceSize = 24;

    private const string SelectTraces =
        """
        SELECT m.cluster_id, m.message_key, m.trace
        FROM (SELECT DISTINCT * FROM unnest($1::integer[], $2::bytea[]) AS wanted (cluster_id, message_key)) wanted
        JOIN rewrite.messages m USING (cluster_id, message_key)
        WHERE m.trace IS NOT NULL
        """;

    /// <summary>Makes the spans.</summary>
    /// <param name="batch">A batch that is stored.</param>
    /// <param name="sampled">The starts of the frames of its sampled events.</param>
    /// <param name="startedAt">The time at which storing began. The spans begin at this time and end now.</param>
    /// <param name="cancellationToken">Ends the attempt. No exception is thrown.</param>
    public async Task RunAsync(
        StoreEventBatch batch, List<int> sampled, DateTimeOffset startedAt, CancellationToken cancellationToken)
    {
        if (sampled.Count == 0 || !IngestTelemetry.Spans.HasListeners())
        {
            return;
        }

        try
        {
            var messages = await ReadMessageTracesAsync(batch, sampled, cancellationToken);
            foreach (var frame in sampled)
            {
                Trace(batch, frame, startedAt, messages);
            }
        }
        catch (Exception exception) // Telemetry must not fail a stored batch.
        {
            LogNotTraced(batch.EdgeId, batch.Sequence, exception.Message);
        }
    }

    private static void Trace(
        StoreEventBatch batch,
        int frame,
        DateTimeOffset startedAt,
        Dictionary<(int Cluster, MessageKey Message), ActivityContext> messages)
    {
        EventRecord.ReadFrame(batch.Events.AsSpan(frame), out var record, out _);
        var message = MessageKey.Read(record.Message);
        ActivityLink[] links = messages.TryGetValue((record.Cluster, message), out var rewriting)
            ? [new ActivityLink(rewriting)]
            : [];
        using var span = IngestTelemetry.Spans.StartActivity(
            "store event", ActivityKind.Consumer, ContextOf(record.Trace), links: links, startTime: startedAt);
        span?.SetTag("tracking.event.id", record.Id.ToString());
        span?.SetTag("tracking.event.kind", ((LinkKind)record.Kind).ToString().ToLowerInvariant());
        span?.SetTag("tracking.cluster", new ClusterId(record.Cluster).ToString());
        span?.SetTag("tracking.edge.id", batch.EdgeId.ToString());
        span?.SetTag("tracking.batch.sequence", batch.Sequence);
    }

    private async Task<Dictionary<(int Cluster, MessageKey Message), ActivityContext>> ReadMessageTracesAsync(
        StoreEventBatch batch, List<int> sampled, CancellationToken cancellationToken)
    {
        var clusters = new int[sampled.Count];
        var keys = new byte[sampled.Count][];
        for (var i = 0; i < sampled.Count; i++)
        {
            EventRecord.ReadFrame(batch.Events.AsSpan(sampled[i]), out var record, out _);
            (clusters[i], keys[i]) = (record.Cluster, record.Message.ToArray());
        }

        await using var command = dataSource.CreateCommand(SelectTraces);
        command.Parameters.Add(new() { Value = clusters });
        command.Parameters.Add(new() { Value = keys });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var traces = new Dictionary<(int Cluster, MessageKey Message), ActivityContext>();
        while (await reader.ReadAsync(cancellationToken))
        {
            if (reader.GetFieldValue<byte[]>(2) is { Length: TraceSize } trace)
            {
                traces[(reader.GetInt32(0), MessageKey.Read(reader.GetFieldValue<byte[]>(1)))] = ContextOf(trace);
            }
        }

        return traces;
    }

    private static ActivityContext ContextOf(ReadOnlySpan<byte> trace) => new(
        ActivityTraceId.CreateFromBytes(trace[..TraceIdSize]),
        ActivitySpanId.CreateFromBytes(trace[TraceIdSize..TraceSize]),
        ActivityTraceFlags.Recorded,
        isRemote: true);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Batch {Sequence} of edge {Edge} is stored, but its sampled events have no spans: {Reason}")]
    private partial void LogNotTraced(Guid edge, long sequence, string reason);
}

using Npgsql;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Demo;
using Tracking.Links;

namespace Tracking.Standalone.Demo;

/// <summary>
/// Records visits in the past. An edge uses the present time, so it cannot record a visit of yesterday. This class
/// gives visits to the ingest in the form of an edge's batches, and they are classified, counted and stored like all
/// others. Only the time of the rewriting is set directly, to the time of sending.
/// </summary>
/// <param name="keys">The keys that read the links.</param>
/// <param name="queue">Sends to the ingest.</param>
/// <param name="dataSource">The database, to find out which batches are stored.</param>
/// <param name="time">The clock of the waiting.</param>
internal sealed class RecordPast(
    SigningKeyRing keys, SendToQueue queue, NpgsqlDataSource dataSource, TimeProvider time) : ITakeVisits
{
    // The size of an edge's batches under load.
    private const int BatchSize = 1000;

    // Longer than a small machine needs for all batches.
    private static readonly TimeSpan _longest = TimeSpan.FromMinutes(2);

    // A batch takes milliseconds.
    private static readonly TimeSpan _poll = TimeSpan.FromMilliseconds(50);

    // A batch that the bus lost is sent again. A batch that arrives twice is stored once.
    private static readonly TimeSpan _again = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public async Task TakeAsync(
        string cluster, IReadOnlyList<TrackedVisit> visits, CancellationToken cancellationToken)
    {
        await SendBackAsync(cluster, cancellationToken);
        var edge = Guid.NewGuid();
        var batches = visits.Chunk(BatchSize).Select((part, index) => Batch(edge, index + 1, part)).ToList();
        var began = time.GetTimestamp();
        while (await CountAsync(edge, cancellationToken) < batches.Count)
        {
            if (time.GetElapsedTime(began) > _longest)
            {
                throw new DemoFailedException("The events of the demo were not stored in time; the log says why.");
            }

            foreach (var batch in batches)
            {
                await queue.SendAsync(QueueNames.StoreEvents, batch);
            }

            var sent = time.GetTimestamp();
            while (await CountAsync(edge, cancellationToken) < batches.Count && time.GetElapsedTime(sent) < _again)
            {
                await Task.Delay(_poll, time, cancellationToken);
            }
        }
    }

    private async Task SendBackAsync(string cluster, CancellationToken cancellationToken)
    {
        _ = ClusterId.TryParse(cluster, out var id);
        await using var command = dataSource.CreateCommand(
            "UPDATE rewrite.messages SET registered_at = sent_at WHERE cluster_id = $1 AND sent_at IS NOT NULL");
        command.Parameters.Add(new() { Value = id.Value });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<long> CountAsync(Guid edge, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT count(*) FROM ingest.batches WHERE edge_id = $1");
        command.Parameters.Add(new() { Value = edge });
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private StoreEventBatch Batch(Guid edge, int sequence, TrackedVisit[] visits)
    {
        using var events = new MemoryStream();
        foreach (var visit in visits)
        {
            events.Write(Frame(visit));
        }

        return new StoreEventBatch
        {
            Id = Guid.CreateVersion7(time.GetUtcNow()),
            EdgeId = edge,
            Sequence = sequence,
            AcknowledgedBelow = 0,
            Count = visits.Length,
            Events = events.ToArray(),
        };
    }

    private byte[] Frame(TrackedVisit visit)
    {
        if (keys.Current is not { } current
            || LinkToken.Read(visit.Url.AbsolutePath, current, out var token) != TokenOutcome.Valid)
        {
            throw new DemoFailedException($"{visit.Url} has no token of this installation.");
        }

        var record = new EventRecord
        {
            Id = Guid.CreateVersion7(visit.Visit.At),
            TimeMicros = (visit.Visit.At.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond,
            Kind = (byte)token.Kind,
            Cluster = token.Cluster.Value,
            Message = token.Message.ToBytes(),
            Link = token.Link.Value,
            Ordinal = (ushort)token.Ordinal,
            // A network for examples (RFC 5737).
            ClientAddress = [203, 0, 113, visit.Visit.Address],
            UserAgent = System.Text.Encoding.ASCII.GetBytes(visit.Visit.Agent),
        };
        var frame = new byte[record.FrameSize];
        record.WriteFrame(frame);
        return frame;
    }
}

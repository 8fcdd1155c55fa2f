using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Tracking.Contracts;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.EventIngest.Bots;
using Tracking.EventIngest.Privacy;
using Tracking.EventIngest.Statistics;
using Tracking.Links;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Reads the frames of one batch, refuses events that can never be stored, applies the privacy policy, classifies the
/// events and encodes the rows. No memory is allocated for an event that is stored.
/// </summary>
internal sealed class PrepareBatch(
    StoreEventBatch batch,
    PreparedBatch prepared,
    BatchPolicies policies,
    ClassifyEvent classify,
    DateTimeOffset now,
    EventIngestOptions options)
{
    /// <summary>The columns in the order of the encoded rows.</summary>
    public const string Columns =
        "id, occurred_at, kind, method, cluster_id, message_key, link_id, ordinal, client_address, user_agent, "
        + "shape, verdict, vendor, reasons, score, rules";

    private const short ColumnCount = 16;

    // The columns of a fixed size take less than 256 bytes. Each byte of a user agent takes at most three bytes.
    private const int LargestRow = 256 + Classification.LargestColumns + (3 * EventRecord.MaxPayloadSize);

    // The bytes of a frame before the client's address (EventRecord, version 1). They hold nothing personal.
    private const int ImpersonalFrameBytes = EventRecord.FrameHeaderSize + 51;

    private const long EndOfCalendar = 253_402_300_800_000_000; // 10000-01-01, µs since 1970

    private readonly long _largestIdOffsetMillis = (long)options.LargestIdOffset.TotalMilliseconds;
    private int _lastCluster = -1;
    private ClusterPolicy? _lastPolicy;
    private long _oldestKept;
    private bool _isAligned = true;

    /// <summary>Fills the prepared batch.</summary>
    public void Run()
    {
        var at = 0;
        while (at < batch.Events.Length)
        {
            var frame = batch.Events.AsSpan(at);
            var outcome = EventRecord.ReadFrame(frame, out var record, out var size);
            if (outcome == FrameOutcome.Torn)
            {
                var lost = Math.Max(batch.Count - prepared.Count, 1);
                RefuseUnreadable(frame, Refusal.TornFrame, $"with it the last {lost} events of the batch");
                prepared.Count += lost;
                break;
            }

            if (outcome == FrameOutcome.Damaged)
            {
                RefuseDamaged(frame[..size]);
            }
            else
            {
                _isAligned = true;
                Prepare(record, at);
            }

            prepared.Count++;
            at += size;
        }
    }

    /// <summary>The bytes that <c>rejected_events</c> keeps of a readable event: its frame, cut as its cluster's policy
    /// demands.</summary>
    public static byte[] KeptFrame(in EventRecord record, ClusterPolicy policy)
    {
        Span<byte> address = stackalloc byte[16];
        var kept = new EventRecord
        {
            Id = record.Id,
            TimeMicros = record.TimeMicros,
            Kind = record.Kind,
            Method = record.Method,
            Cluster = record.Cluster,
            Message = record.Message,
            Link = record.Link,
            Ordinal = record.Ordinal,
            ClientAddress = address[..TruncateAddress.Run(record.ClientAddress, policy, address)],
            UserAgent = policy.IsAnonymous ? default : record.UserAgent,
            Trace = record.Trace,
            TraceSampled = record.TraceSampled,
            Shape = record.Shape,
        };
        var frame = new byte[kept.FrameSize];
        kept.WriteFrame(frame);
        return frame;
    }

    /// <summary>The policy of a readable event.</summary>
    public static ClusterPolicy PolicyOf(in EventRecord record, BatchPolicies policies) =>
        !policies.Clusters.TryGetValue(record.Cluster, out var policy) || policy is null ? ClusterPolicy.Strictest
            : policies.Restricted.Count != 0
                && policies.Restricted.TryGetValue((record.Cluster, MessageKey.Read(record.Message)), out var level)
                ? policy.Under(level)
                : policy;

    private void Prepare(in EventRecord record, int at)
    {
        if (IsRefused(record, out var refusal, out var detail))
        {
            prepared.Rejected.Add(new RefusedEvent(
                prepared.Count, refusal, detail, record.Id, record.Cluster,
                KeptFrame(record, PolicyOf(record, policies))));
            return;
        }

        var policy = PolicyOf(record, policies);
        var kind = (LinkKind)record.Kind;
        var agent = classify.Recognise(record.UserAgent);
        var classification = agent.For(
            kind, record.Shape, classify.NetworkOf(record.ClientAddress, kind));
        Span<byte> address = stackalloc byte[16];

        var row = new CopyRow(prepared.Reserve(LargestRow));
        row.Begin(ColumnCount);
        row.WriteUuid(record.Id);
        row.WriteTimestamp(record.TimeMicros);
        row.WriteSmallint(record.Kind);
        row.WriteSmallint(record.Method);
        row.WriteInteger(record.Cluster);
        row.WriteBytes(record.Message);
        row.WriteBigint(new LinkId(record.Link).ToInt64());
        row.WriteSmallint((short)record.Ordinal);
        row.WriteInet(address[..TruncateAddress.Run(record.ClientAddress, policy, address)]);
        if (policy.IsAnonymous || agent.Text.Length == 0)
        {
            row.WriteNull();
        }
        else
        {
            row.WriteBytes(agent.Text);
        }

        row.WriteSmallint(record.Shape);
        row.Append(classification.Columns);

        var message = MessageKey.Read(record.Message);
        prepared.Clicked.Add(record.Cluster, message, kind, record.TimeMicros, classification);
        prepared.Add(
            row.Length, prepared.Count, at,
            new CountedEvent(
                record.Cluster, message, kind, classification.Verdict.IsMachine(), record.Link,
                record.Ordinal, record.TimeMicros, agent.ClientUnder(policy)));
        if (record.TraceSampled && !record.Trace.IsEmpty && prepared.SampledFrames.Count < options.SpansPerBatch)
        {
            prepared.SampledFrames.Add(at);
        }
    }

    private bool IsRefused(in EventRecord record, out Refusal refusal, out string? detail)
    {
        if (record.Kind > (byte)LinkKind.Honeypot)
        {
            (refusal, detail) = (Refusal.UnknownKind, $"{record.Kind}");
        }
        else if (!TryFindPolicy(record.Cluster, out _))
        {
            (refusal, detail) = (Refusal.UnknownCluster, $"{record.Cluster}");
        }
        else if (record.Ordinal > LinkToken.MaxOrdinal)
        {
            (refusal, detail) = (Refusal.OrdinalOutOfRange, $"{record.Ordinal}");
        }
        else if (record.TimeMicros is < 0 or >= EndOfCalendar)
        {
            (refusal, detail) = (Refusal.TimeOutOfRange, $"{record.TimeMicros} µs since 1970");
        }
        else if (record.Id.Version != 7 || record.Id.Variant is < 8 or > 11)
        {
            (refusal, detail) = (Refusal.NotUuidv7, null);
        }
        else if (Math.Abs(MillisOf(record.Id) - (record.TimeMicros / 1000)) is var offset
            && offset > _largestIdOffsetMillis)
        {
            (refusal, detail) = (Refusal.IdAndTimeDiffer, $"by {offset} ms");
        }
        else if (record.TimeMicros < _oldestKept)
        {
            (refusal, detail) = (Refusal.OlderThanRetention, $"of {_lastPolicy!.RetentionMonths} months");
        }
        else
        {
            (refusal, detail) = (default, null);
            return false;
        }

        return true;
    }

    // Consecutive events mostly belong to the same cluster, so its policy and the oldest permitted time are kept.
    private bool TryFindPolicy(int cluster, [NotNullWhen(true)] out ClusterPolicy? policy)
    {
        if (cluster != _lastCluster)
        {
            _lastCluster = cluster;
            _lastPolicy = policies.Clusters.GetValueOrDefault(cluster);
            _oldestKept = _lastPolicy is null
                ? 0
                : now.AddMonths(-_lastPolicy.RetentionMonths).ToUnixTimeMilliseconds() * 1000;
        }

        policy = _lastPolicy;
        return policy is not null;
    }

    private void RefuseDamaged(ReadOnlySpan<byte> frame)
    {
        var payload = frame[EventRecord.FrameHeaderSize..];
        var isIntact = BinaryPrimitives.ReadUInt32LittleEndian(frame[4..]) == EventRecord.Crc32C(payload);
        if (isIntact && payload[0] != EventRecord.CurrentVersion)
        {
            RefuseUnreadable(frame, Refusal.UnknownVersion, $"{payload[0]}");
        }
        else
        {
            RefuseUnreadable(frame, Refusal.DamagedFrame, isIntact ? "content" : "checksum");
            _isAligned &= isIntact;
        }
    }

    // The cluster of an unreadable frame is not certain, so no byte that could be personal is kept. After a damaged
    // frame nothing is kept, because its length may be the damaged part: then the start of the next frame is not
    // certain.
    private void RefuseUnreadable(ReadOnlySpan<byte> frame, Refusal refusal, string detail) =>
        prepared.Rejected.Add(new RefusedEvent(
            prepared.Count, refusal, detail, null, null,
            _isAligned ? frame[..Math.Min(frame.Length, ImpersonalFrameBytes)].ToArray() : null));

    private static long MillisOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return (long)(BinaryPrimitives.ReadUInt64BigEndian(bytes) >> 16);
    }
}

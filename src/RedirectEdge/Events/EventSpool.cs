using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Win32.SafeHandles;
using Tracking.Contracts;
using Tracking.Links;

namespace Tracking.RedirectEdge.Events;

/// <summary>What the edge knows of a request that it records; the spool adds the time, and the id unless there is one.
/// </summary>
internal readonly ref struct SpoolEvent
{
    public required LinkToken Token { get; init; }

    /// <summary>The id that a gateway gave; its time is the event's, so that whichever edge's record is stored says the
    /// same.</summary>
    public Guid? Id { get; init; }

    public ReadOnlySpan<byte> ClientAddress { get; init; }

    public ReadOnlySpan<byte> UserAgent { get; init; }

    public ReadOnlySpan<byte> Trace { get; init; }

    public bool TraceSampled { get; init; }
}

/// <summary>Writes at an offset of the open segment; <see cref="RandomAccess.Write(SafeFileHandle,
/// ReadOnlySpan{byte}, long)"/>, or a failing one in tests.</summary>
internal delegate void WriteSegment(SafeFileHandle handle, ReadOnlySpan<byte> bytes, long offset);

/// <summary>
/// The edge's memory of what it has answered and nobody has stored yet: segment files, each of which becomes one batch.
/// <para>Appending is a write() of the record before the answer, group-committed: one thread at a time has the
/// <em>turn</em>. On a quiet edge who finds it free writes its own record at once, without a hop; on a busy one it
/// leaves the turn to a work item behind the requests that are already queued, and one write() serves them all: the
/// call costs more than everything else a click needs. Failing disks and a full spool cost events, never
/// answers.</para>
/// <para>Invariants. A test of each begins with its number.</para>
/// <list type="bullet">
/// <item>S1: an answer leaves after the write() of its record has returned.</item>
/// <item>S2: a record is written once and whole, whichever thread writes it.</item>
/// <item>S3: a failing disk and a full spool cost events, never answers, and every event lost is counted.</item>
/// <item>S4: a batch is published only after its segment was synced, renamed and the folder synced; it never changes
/// afterwards.</item>
/// <item>S5: a start keeps every whole record of an open segment up to the first torn one, and invents none.</item>
/// <item>S6: a sequence is used once, whatever a power cut takes: it is reserved on the disk before.</item>
/// <item>S7: a batch keeps its key (edge id, sequence) for good: sent again, after a restart, by another edge.</item>
/// <item>S8: a segment is deleted when it is acknowledged, and not before.</item>
/// <item>S9: <c>AcknowledgedBelow</c> never passes a segment that exists.</item>
/// <item>S10: a folder has one process at a time.</item>
/// </list>
/// <para>The argument for them: <c>docs/decisions/0002-spool.md</c>.</para>
/// </summary>
internal sealed partial class EventSpool : IThreadPoolWorkItem, IDisposable
{
    /// <summary>Bytes that may wait for a stalled disk: beyond, events are dropped rather than memory filled.</summary>
    private const int MaxWaitingBytes = 16 << 20;

    /// <summary>Appends written at once before grouping is tried again. A trial that finds nobody to share with costs
    /// one hop; one in 64 keeps that far below the cost of the writes themselves.</summary>
    private const int AloneRun = 64;

    private const int MinBuffer = 16 << 10;
    private const int MaxSpareBuffer = 256 << 10;

    // After a failed write the disk is left alone this long: an exception per click would cost more than the clicks.
    private static readonly TimeSpan RetryWriteAfter = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);

    private readonly EdgeFolder _folder;
    private readonly RedirectEdgeOptions _options;
    private readonly TimeProvider _time;
    private readonly EdgeMeters _meters;
    private readonly EventIds _ids;
    private readonly SequenceReservation _sequences;
    private readonly SpoolLog _log;

    private readonly Lock _gate = new();
    private AppendGroup? _waiting;
    private byte[]? _spareBuffer;
    private bool _writing;
    private int _aloneLeft = AloneRun;
    private bool _sealRequested;
    private bool _closed;

    // Changed by the holder of the turn only.
    private OpenSegment? _open;
    private long _retryAt;

    public EventSpool(
        EdgeFolder folder,
        IOptions<RedirectEdgeOptions> options,
        TimeProvider time,
        EdgeMeters meters,
        ILogger<EventSpool> logger)
    {
        _folder = folder;
        _options = options.Value;
        _time = time;
        _meters = meters;
        _log = new SpoolLog(logger, time);
        _ids = new EventIds(time);
        _sequences = new SequenceReservation(folder);

        var recovery = RecoverSegments.Recover(folder.SpoolPath);
        foreach (var segment in recovery.Sealed)
        {
            _live.Add(segment.Sequence);
            _events += segment.Events;
            _bytes += segment.Bytes;
            _unacknowledged++;
            _sealed.Writer.TryWrite(segment);
        }

        _log.Recovered(recovery);
        meters.ObserveSpool(() => Events, () => Bytes);
    }

    /// <summary>The edge whose spool it is.</summary>
    public Guid EdgeId => _folder.EdgeId;

    /// <summary>Events not yet acknowledged.</summary>
    public long Events => Volatile.Read(ref _events);

    /// <summary>Bytes not yet acknowledged.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Whether the last write succeeded and there is room.</summary>
    public bool IsWritable => Volatile.Read(ref _retryAt) == 0 && Bytes < _options.MaxSpoolBytes;

    /// <summary>How the open segment is written to.</summary>
    internal WriteSegment Write { get; set; } = RandomAccess.Write;

    /// <summary>How the turn gets behind the requests that are already queued.</summary>
    internal Action<IThreadPoolWorkItem> Queue { get; set; } =
        turn => ThreadPool.UnsafeQueueUserWorkItem(turn, preferLocal: false);

    /// <summary>
    /// Records an event. The task is complete when the record has been given to the operating system (with
    /// <see cref="SpoolFsync.Always"/>: to the disk), or when it had to be dropped, which is counted and logged, never
    /// thrown.
    /// </summary>
    [SkipLocalsInit]
    public Task Append(in SpoolEvent occurred)
    {
        Span<byte> message = stackalloc byte[MessageKey.Size];
        occurred.Token.Message.Write(message);
        long timeMicros;
        Guid id;
        if (occurred.Id is { } given)
        {
            (id, timeMicros) = (given, GatewayIds.MillisOf(given) * 1000);
        }
        else
        {
            id = _ids.Next(out timeMicros);
        }

        var record = new EventRecord
        {
            Id = id,
            TimeMicros = timeMicros,
            Kind = (byte)occurred.Token.Kind,
            Cluster = occurred.Token.Cluster.Value,
            Message = message,
            Link = occurred.Token.Link.Value,
            Ordinal = (ushort)occurred.Token.Ordinal,
            ClientAddress = occurred.ClientAddress,
            Trace = occurred.Trace,
            TraceSampled = occurred.TraceSampled,
            UserAgent = occurred.UserAgent,
        };
        Span<byte> frame = stackalloc byte[EventRecord.FrameHeaderSize + EventRecord.MaxPayloadSize];
        frame = frame[..record.WriteFrame(frame)];

        if (Bytes + frame.Length > _options.MaxSpoolBytes)
        {
            Drop(1, "the spool is full");
            return Task.CompletedTask;
        }

        Task written;
        lock (_gate)
        {
            if (_closed)
            {
                Drop(1, "the spool is closed");
                return Task.CompletedTask;
            }

            if (_writing)
            {
                return Join(frame);
            }

            _writing = true;
            if (_aloneLeft > 0)
            {
                _aloneLeft--;
                written = Task.CompletedTask;
            }
            else
            {
                written = Join(frame);
            }
        }

        if (!written.IsCompleted)
        {
            Queue(this);
            return written;
        }

        WriteInTurn(frame, 1);
        EndTurn();
        return written;
    }

    /// <summary>Writes and syncs what is there; the next start recovers it, or the folder is marked as empty. Later events
    /// are dropped.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
        }

        // Whoever has the turn writes what waits and gives it back; nobody joins any more.
        SpinWait.SpinUntil(() => !Volatile.Read(ref _writing), CloseTimeout);
        SealDetached();
        SyncOpen();
        _open?.Handle.Dispose();
        _sealed.Writer.TryComplete();
        MarkWhenEmpty();
    }

    /// <summary>Takes the turn on from a thread that has an answer to give.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        AppendGroup? group = null;
        while (true)
        {
            bool seal;
            lock (_gate)
            {
                _spareBuffer = group?.Buffer ?? _spareBuffer;
                (group, _waiting) = (_waiting, null);
                (seal, _sealRequested) = (_sealRequested, false);
                if (group is null && !seal)
                {
                    _writing = false;
                    return;
                }

                if (group is { Events: 1 })
                {
                    _aloneLeft = AloneRun;
                }
            }

            if (group is not null)
            {
                WriteInTurn(group.Bytes, group.Events);
                group.Complete();
            }

            if (seal)
            {
                Detach();
            }
        }
    }

    private void EndTurn()
    {
        lock (_gate)
        {
            if (_waiting is null && !_sealRequested)
            {
                _writing = false;
                return;
            }
        }

        Queue(this);
    }

    private Task Join(ReadOnlySpan<byte> frame)
    {
        var group = _waiting ??= NewGroup();
        if (group.Bytes.Length + frame.Length > MaxWaitingBytes)
        {
            Drop(1, "the disk stalls");
            return Task.CompletedTask;
        }

        group.Add(frame);
        return group.Written;
    }

    private AppendGroup NewGroup()
    {
        var buffer = _spareBuffer is { Length: <= MaxSpareBuffer } spare ? spare : new byte[MinBuffer];
        _spareBuffer = null;
        return new AppendGroup(buffer);
    }

    private void WriteInTurn(ReadOnlySpan<byte> bytes, int events)
    {
        if (_retryAt != 0 && _time.GetTimestamp() < _retryAt)
        {
            Drop(events, "the disk failed a moment ago");
            return;
        }

        var open = _open;
        try
        {
            open ??= Open();
            Write(open.Handle, bytes, open.Length);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Fail(open, events, exception);
            return;
        }

        Volatile.Write(ref _retryAt, 0);
        open.Length += bytes.Length;
        open.Events += events;
        Interlocked.Add(ref _bytes, bytes.Length);
        Interlocked.Add(ref _events, events);
        if (_options.Fsync == SpoolFsync.Always)
        {
            SyncOpen();
        }

        if (open.Length >= _options.SegmentBytes || open.Events >= _options.SegmentEvents)
        {
            Detach();
        }
    }

    private void Fail(OpenSegment? open, int events, Exception exception)
    {
        Volatile.Write(
            ref _retryAt, _time.GetTimestamp() + (long)(RetryWriteAfter.TotalSeconds * _time.TimestampFrequency));
        _meters.SpoolFailures.Add(1);
        if (open is not null)
        {
            open.MayHaveTail = true;
        }

        Drop(events, exception.Message);
    }

    private void Drop(int events, string reason)
    {
        _meters.Dropped.Add(events);
        _log.Dropped(events, reason);
    }
}

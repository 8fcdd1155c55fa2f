using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Win32.SafeHandles;
using Tracking.Contracts;
using Tracking.Links;

namespace Tracking.RedirectEdge.Events;

/// <summary>The edge's facts about a request to record. The spool adds the time, and an id if there is none.</summary>
internal readonly ref struct SpoolEvent
{
    public required LinkToken Token { get; init; }

    /// <summary>The id that a gateway gave. The event takes its time from the id, so that the records of two edges are
    /// equal.</summary>
    public Guid? Id { get; init; }

    public ReadOnlySpan<byte> ClientAddress { get; init; }

    public ReadOnlySpan<byte> UserAgent { get; init; }

    public ReadOnlySpan<byte> Trace { get; init; }

    public bool TraceSampled { get; init; }

    /// <summary>A packed <see cref="RequestShape"/>.</summary>
    public byte Shape { get; init; }
}

/// <summary>Writes at an offset of the open segment: <see cref="RandomAccess.Write(SafeFileHandle, ReadOnlySpan{byte},
/// long)"/>, or a failing method in tests.</summary>
internal delegate void WriteSegment(SafeFileHandle handle, ReadOnlySpan<byte> bytes, long offset);

/// <summary>
/// Answered requests that are not stored yet: segment files, each of which becomes one batch.
/// <para>Appending is a write() of the record before the answer, group-committed: one thread at a time has the
/// <em>turn</em>. On a quiet edge a thread that finds the turn free writes its own record at once, without a thread
/// switch. On a busy edge the thread leaves the turn to a work item behind the requests that are already queued, and
/// one write() serves them all, because the call costs more than all other work of a click. Failing disks and a full
/// spool cost events, never answers.</para>
/// <para>The invariants. The name of each invariant's test begins with its number.</para>
/// <list type="bullet">
/// <item>S1: an answer leaves after the write() of its record has returned.</item>
/// <item>S2: a record is written once and whole, whichever thread writes it.</item>
/// <item>S3: a failing disk and a full spool cost events, never answers, and every lost event is counted.</item>
/// <item>S4: a batch is published only after its segment was synced, renamed and the folder synced. The batch never
/// changes afterwards.</item>
/// <item>S5: a start keeps every whole record of an open segment up to the first torn one, and adds none.</item>
/// <item>S6: a sequence is used only once, even after a power cut, because it is reserved on disk before its
/// use.</item>
/// <item>S7: a batch keeps its key (edge id, sequence) for ever: when sent again, after a restart, by another
/// edge.</item>
/// <item>S8: a segment is deleted only after it is acknowledged.</item>
/// <item>S9: <c>AcknowledgedBelow</c> never passes a segment that exists.</item>
/// <item>S10: a folder has one process at a time.</item>
/// </list>
/// <para><c>docs/decisions/0002-spool.md</c> has the reasons.</para>
/// </summary>
internal sealed partial class EventSpool : IThreadPoolWorkItem, IDisposable
{
    /// <summary>Bytes that may wait for a stalled disk. Above this, events are dropped, so that memory does not
    /// fill.</summary>
    private const int MaxWaitingBytes = 16 << 20;

    /// <summary>Appends that are written at once before grouping is tried again. A trial without a second request costs
    /// one thread switch. One trial in 64 keeps that cost far below the cost of the writes.</summary>
    private const int AloneRun = 64;

    private const int MinBuffer = 16 << 10;
    private const int MaxSpareBuffer = 256 << 10;

    // After a failed write the disk is not used for this time: an exception per click would cost more than the clicks.
    private static readonly TimeSpan _retryWriteAfter = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _closeTimeout = TimeSpan.FromSeconds(5);

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

    // Only the holder of the turn changes it.
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

    /// <summary>The number of events that are not acknowledged.</summary>
    public long Events => Volatile.Read(ref _events);

    /// <summary>The number of bytes that are not acknowledged.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Whether the last write succeeded and the spool has space.</summary>
    public bool IsWritable => Volatile.Read(ref _retryAt) == 0 && Bytes < _options.MaxSpoolBytes;

    /// <summary>The method that writes to the open segment.</summary>
    internal WriteSegment Write { get; set; } = RandomAccess.Write;

    /// <summary>The method that queues the turn behind the requests that are already queued.</summary>
    internal Action<IThreadPoolWorkItem> Queue { get; set; } =
        turn => ThreadPool.UnsafeQueueUserWorkItem(turn, preferLocal: false);

    /// <summary>
    /// Records an event. The task ends when the operating system has the record (with <see cref="SpoolFsync.Always"/>:
    /// when the disk has it), or when the event had to be dropped. A dropped event is counted and logged, and never
    /// throws.
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
            Shape = occurred.Shape,
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

    /// <summary>Writes and syncs the appended records. The next start recovers them, or the folder is marked as empty.
    /// Later events are dropped.</summary>
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

        // The holder of the turn writes the waiting records and releases the turn. No further thread joins.
        SpinWait.SpinUntil(() => !Volatile.Read(ref _writing), _closeTimeout);
        SealDetached();
        SyncOpen();
        _open?.Handle.Dispose();
        _sealed.Writer.TryComplete();
        MarkWhenEmpty();
    }

    /// <summary>Continues the turn of a thread that has an answer to send.</summary>
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
            Drop(1, "the disk does not respond");
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
            Drop(events, "the disk has just failed");
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
            ref _retryAt, _time.GetTimestamp() + (long)(_retryWriteAfter.TotalSeconds * _time.TimestampFrequency));
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

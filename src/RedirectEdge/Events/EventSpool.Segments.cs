using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;

namespace Tracking.RedirectEdge.Events;

// The life of a segment: opened, detached, sealed, published and forgotten.
internal sealed partial class EventSpool
{
    private readonly Lock _segmentsGate = new();
    private readonly SortedSet<long> _live = [];
    private readonly Queue<OpenSegment> _toSeal = new();
    private readonly List<SpoolSegment> _renamed = [];
    private readonly Channel<SpoolSegment> _sealed = Channel.CreateUnbounded<SpoolSegment>();
    private readonly SemaphoreSlim _work = new(0);
    private long _bytes;
    private long _events;
    private int _unacknowledged;
    private TaskCompletionSource? _drained;

    /// <summary>Batches to publish, in order of their sequence.</summary>
    public ChannelReader<SpoolSegment> Sealed => _sealed.Reader;

    /// <summary>Every batch below this number has been acknowledged and forgotten.</summary>
    public long AcknowledgedBelow
    {
        get
        {
            lock (_segmentsGate)
            {
                return _live.Count > 0 ? _live.Min : _sequences.Next;
            }
        }
    }

    /// <summary>Detaches the open segment when it is old enough, so that <see cref="SealDetached"/> may
    /// follow.</summary>
    /// <returns>Whether the segment was detached, or will be at the end of the current turn.</returns>
    public bool DetachDue()
    {
        var open = Volatile.Read(ref _open);
        if (open is null
            || (Volatile.Read(ref _drained) is null
                && (Volatile.Read(ref _unacknowledged) >= _options.InFlightBatches
                    || _time.GetElapsedTime(open.OpenedAt) < _options.SealAfter)))
        {
            return false;
        }

        lock (_gate)
        {
            if (_writing)
            {
                _sealRequested = true;
                return true;
            }

            _writing = true;
        }

        Detach();
        EndTurn();
        return true;
    }

    /// <summary>
    /// Syncs and renames the detached segments. After that the segments are immutable and may be published. One thread
    /// at a time calls this.
    /// </summary>
    /// <returns>Whether every detached segment is sealed. After a failure the next call tries again.</returns>
    public bool SealDetached()
    {
        try
        {
            while (NextToSeal() is { } open)
            {
                if (!open.Handle.IsClosed)
                {
                    if (open.MayHaveTail)
                    {
                        RandomAccess.SetLength(open.Handle, open.Length);
                    }

                    RandomAccess.FlushToDisk(open.Handle);
                    open.Handle.Dispose();
                }

                var segment = new SpoolSegment(open.Sequence, open.Events, open.Length);
                File.Move(
                    Path.Combine(_folder.SpoolPath, SpoolSegment.OpenFileName(open.Sequence)),
                    Path.Combine(_folder.SpoolPath, segment.FileName));
                lock (_segmentsGate)
                {
                    _toSeal.Dequeue();
                }

                _renamed.Add(segment);
            }

            if (_renamed.Count > 0)
            {
                SyncDirectory.Flush(_folder.SpoolPath);
                foreach (var segment in _renamed)
                {
                    _sealed.Writer.TryWrite(segment);
                }

                _renamed.Clear();
            }

            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _meters.SpoolFailures.Add(1);
            _log.SealFailed(exception);
            return false;
        }

        OpenSegment? NextToSeal()
        {
            lock (_segmentsGate)
            {
                return _toSeal.TryPeek(out var open) ? open : null;
            }
        }
    }

    /// <summary>Forces the open segment to disk if records were added since the last time.</summary>
    public void SyncOpen()
    {
        var open = Volatile.Read(ref _open);
        if (open is null || open.Length == open.SyncedLength)
        {
            return;
        }

        try
        {
            var length = open.Length;
            RandomAccess.FlushToDisk(open.Handle);
            if (open.SyncedLength == 0)
            {
                SyncDirectory.Flush(_folder.SpoolPath);
            }

            open.SyncedLength = length;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _meters.SpoolFailures.Add(1);
            _log.SyncFailed(exception);
        }
    }

    /// <summary>Waits until a segment is detached, or until the time is over.</summary>
    public Task WaitForWorkAsync(TimeSpan atMost, CancellationToken cancellationToken) =>
        _work.WaitAsync(atMost, cancellationToken);

    /// <summary>From this call on, segments are sealed without waiting for age or space.</summary>
    /// <returns>A task that ends when every appended event is stored.</returns>
    public Task DrainAsync()
    {
        var drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        drained = Interlocked.CompareExchange(ref _drained, drained, null) ?? drained;
        _work.Release();
        if (Events == 0)
        {
            drained.TrySetResult();
        }

        return drained.Task;
    }

    /// <summary>Marks the folder as empty when every event in it is stored. Only for a spool that accepts no more
    /// events.</summary>
    /// <returns>Whether the folder is marked.</returns>
    public bool MarkWhenEmpty()
    {
        try
        {
            if (Events > 0 || new DirectoryInfo(_folder.SpoolPath).EnumerateFiles().Any(file => file.Length > 0))
            {
                return false;
            }

            _folder.MarkEmpty();
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _log.MarkFailed(exception);
            return false;
        }
    }

    /// <summary>Deletes a stored batch.</summary>
    public void Forget(SpoolSegment segment)
    {
        try
        {
            File.Delete(Path.Combine(_folder.SpoolPath, segment.FileName));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The segment stays. The next start sends it again, and the store then recognises its key.
            _meters.SpoolFailures.Add(1);
            _log.ForgetFailed(exception);
        }

        lock (_segmentsGate)
        {
            _live.Remove(segment.Sequence);
        }

        Interlocked.Add(ref _bytes, -segment.Bytes);
        Interlocked.Decrement(ref _unacknowledged);
        if (Interlocked.Add(ref _events, -segment.Events) == 0)
        {
            Volatile.Read(ref _drained)?.TrySetResult();
        }
    }

    /// <summary>The bytes of a sealed segment.</summary>
    public Task<byte[]> ReadAsync(SpoolSegment segment, CancellationToken cancellationToken) =>
        File.ReadAllBytesAsync(Path.Combine(_folder.SpoolPath, segment.FileName), cancellationToken);

    private OpenSegment Open()
    {
        long sequence;
        lock (_segmentsGate)
        {
            // Taken and registered in one step: AcknowledgedBelow must never pass a number that is about to be used.
            sequence = _sequences.Take();
            _live.Add(sequence);
        }

        SafeFileHandle handle;
        try
        {
            handle = OwnFile.Open(
                Path.Combine(_folder.SpoolPath, SpoolSegment.OpenFileName(sequence)),
                FileMode.CreateNew, FileAccess.Write);
        }
        catch
        {
            lock (_segmentsGate)
            {
                _live.Remove(sequence);
            }

            throw;
        }

        var open = new OpenSegment(sequence, handle, _time.GetTimestamp());
        Volatile.Write(ref _open, open);
        return open;
    }

    private void Detach()
    {
        // A segment whose only write failed contains nothing to publish. It stays the open segment.
        if (_open is not { Events: > 0 } open)
        {
            return;
        }

        lock (_segmentsGate)
        {
            _toSeal.Enqueue(open);
        }

        Volatile.Write(ref _open, null);
        Interlocked.Increment(ref _unacknowledged);
        _work.Release();
    }
}

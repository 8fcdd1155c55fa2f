using System.Buffers;
using Tracking.Contracts;
using Tracking.EventIngest.Review;
using Tracking.EventIngest.Statistics;

namespace Tracking.EventIngest.Batches;

/// <summary>An event that is ready to be stored.</summary>
/// <param name="Start">Where its row begins in <see cref="PreparedBatch.Rows"/>.</param>
/// <param name="Position">Its place in the batch, from 0.</param>
/// <param name="Frame">Where its frame begins in the batch.</param>
/// <param name="Counted">What the counters need to know of it.</param>
internal readonly record struct PreparedRow(int Start, int Position, int Frame, CountedEvent Counted);

/// <summary>A batch as it goes to the database: its rows as COPY takes them, and what is refused.</summary>
internal sealed class PreparedBatch(StoreEventBatch batch) : IDisposable
{
    // A row is about as long as its frame; twice that is nearly always enough, and else it grows.
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(Math.Max(batch.Events.Length * 2, 4096));
    private int _length;

    /// <summary>Rows in the order of the batch.</summary>
    public List<PreparedRow> Events { get; } =
        new(Math.Clamp(batch.Count, 0, batch.Events.Length / EventRecord.FrameHeaderSize));

    /// <summary>Events that are not stored.</summary>
    public List<RefusedEvent> Rejected { get; } = [];

    /// <summary>Events that are stored already, with another batch or earlier in this one.</summary>
    public int Repeats { get; private set; }

    /// <summary>Where the frames of events begin whose trace was sampled; only so many of them.</summary>
    public List<int> SampledFrames { get; } = [];

    /// <summary>Messages to be looked at once more.</summary>
    public ClickedMessages Clicked { get; } = new();

    /// <summary>Events in the batch: stored, repeated and refused.</summary>
    public int Count { get; set; }

    /// <summary>The encoded rows.</summary>
    public ReadOnlyMemory<byte> Rows => _bytes.AsMemory(0, _length);

    /// <summary>The encoded rows of a range of <see cref="Events"/>.</summary>
    public ReadOnlyMemory<byte> RowsOf(int first, int count)
    {
        var end = first + count < Events.Count ? Events[first + count].Start : _length;
        return _bytes.AsMemory(Events[first].Start..end);
    }

    /// <summary>Room for at least <paramref name="size"/> more bytes.</summary>
    public Span<byte> Reserve(int size)
    {
        if (_bytes.Length - _length < size)
        {
            var larger = ArrayPool<byte>.Shared.Rent((_bytes.Length * 2) + size);
            _bytes.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        return _bytes.AsSpan(_length);
    }

    /// <summary>Adds the row that was written into reserved room.</summary>
    public void Add(int size, int position, int frame, in CountedEvent counted)
    {
        Events.Add(new PreparedRow(_length, position, frame, counted));
        _length += size;
    }

    /// <summary>Takes events out again, with their rows.</summary>
    /// <param name="refused">Those that are rejected, by their index in <see cref="Events"/>.</param>
    /// <param name="repeats">The indexes of those whose id is stored by another.</param>
    public void TakeOut(IReadOnlyDictionary<int, RefusedEvent> refused, IReadOnlySet<int> repeats)
    {
        Rejected.AddRange(refused.Values);
        Repeats += repeats.Count;
        var (kept, end) = (0, 0);
        for (var index = 0; index < Events.Count; index++)
        {
            var stored = Events[index];
            if (refused.ContainsKey(index) || repeats.Contains(index))
            {
                SampledFrames.Remove(stored.Frame);
                continue;
            }

            var row = RowsOf(index, 1);
            row.CopyTo(_bytes.AsMemory(end));
            Events[kept++] = stored with { Start = end };
            end += row.Length;
        }

        Events.RemoveRange(kept, Events.Count - kept);
        _length = end;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _length = 0;
    }
}

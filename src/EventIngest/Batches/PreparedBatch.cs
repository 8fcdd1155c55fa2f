using System.Buffers;
using Tracking.Contracts;
using Tracking.EventIngest.Review;
using Tracking.EventIngest.Statistics;

namespace Tracking.EventIngest.Batches;

/// <summary>An event that is ready to be stored.</summary>
/// <param name="Start">The start of its row in <see cref="PreparedBatch.Rows"/>.</param>
/// <param name="Position">Its place in the batch, from 0.</param>
/// <param name="Frame">The start of its frame in the batch.</param>
/// <param name="Counted">What the counters need of the event.</param>
internal readonly record struct PreparedRow(int Start, int Position, int Frame, CountedEvent Counted);

/// <summary>A batch that is ready for the database: the rows for COPY, and the refused events.</summary>
internal sealed class PreparedBatch(StoreEventBatch batch) : IDisposable
{
    // A row is about as long as its frame. Twice the length is nearly always enough; otherwise the buffer grows.
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(Math.Max(batch.Events.Length * 2, 4096));
    private int _length;

    /// <summary>Rows in the order of the batch.</summary>
    public List<PreparedRow> Events { get; } =
        new(Math.Clamp(batch.Count, 0, batch.Events.Length / EventRecord.FrameHeaderSize));

    /// <summary>Events that are not stored.</summary>
    public List<RefusedEvent> Rejected { get; } = [];

    /// <summary>The number of events that are already stored, from another batch or from earlier in this
    /// batch.</summary>
    public int Repeats { get; private set; }

    /// <summary>The starts of the frames of events whose trace was sampled, at most
    /// <see cref="EventIngestOptions.SpansPerBatch"/>.</summary>
    public List<int> SampledFrames { get; } = [];

    /// <summary>The messages that are judged again later.</summary>
    public ClickedMessages Clicked { get; } = new();

    /// <summary>The number of events in the batch: stored, repeated and refused.</summary>
    public int Count { get; set; }

    /// <summary>The encoded rows.</summary>
    public ReadOnlyMemory<byte> Rows => _bytes.AsMemory(0, _length);

    /// <summary>The encoded rows of a range of <see cref="Events"/>.</summary>
    public ReadOnlyMemory<byte> RowsOf(int first, int count)
    {
        var end = first + count < Events.Count ? Events[first + count].Start : _length;
        return _bytes.AsMemory(Events[first].Start..end);
    }

    /// <summary>Reserves at least <paramref name="size"/> more bytes.</summary>
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

    /// <summary>Adds the row that was written into the reserved bytes.</summary>
    public void Add(int size, int position, int frame, in CountedEvent counted)
    {
        Events.Add(new PreparedRow(_length, position, frame, counted));
        _length += size;
    }

    /// <summary>Removes events and their rows.</summary>
    /// <param name="refused">The refused events, by their index in <see cref="Events"/>.</param>
    /// <param name="repeats">The indexes of the events whose id is already stored.</param>
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

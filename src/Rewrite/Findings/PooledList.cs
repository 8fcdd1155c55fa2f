using System.Buffers;
using System.Runtime.CompilerServices;

namespace Tracking.Rewrite.Findings;

/// <summary>A list of values in pooled memory, so that a message costs no garbage for what is only kept while it is
/// planned.</summary>
internal sealed class PooledList<T> : IDisposable
    where T : struct
{
    private T[] _items = [];

    /// <summary>Values in the list.</summary>
    public int Count { get; private set; }

    /// <summary>The values; good until the next one is added.</summary>
    public Span<T> Span => _items.AsSpan(0, Count);

    /// <summary>One of the values.</summary>
    public ref T this[int index] => ref Span[index];

    /// <summary>Appends a value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(in T value)
    {
        if (Count == _items.Length)
        {
            Grow();
        }

        _items[Count++] = value;
    }

    /// <summary>Appends a value.</summary>
    /// <returns>Where it stands until the next one is added.</returns>
    public ref T Append(in T value)
    {
        Add(value);
        return ref _items[Count - 1];
    }

    /// <summary>Forgets all values behind the first <paramref name="count"/>.</summary>
    public void Truncate(int count = 0) => Count = count;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_items.Length > 0)
        {
            ArrayPool<T>.Shared.Return(_items, RuntimeHelpers.IsReferenceOrContainsReferences<T>());
        }

        _items = [];
        Count = 0;
    }

    private void Grow()
    {
        var larger = ArrayPool<T>.Shared.Rent(Math.Max(16, 2 * Count));
        Span.CopyTo(larger);
        if (_items.Length > 0)
        {
            ArrayPool<T>.Shared.Return(_items, RuntimeHelpers.IsReferenceOrContainsReferences<T>());
        }

        _items = larger;
    }
}

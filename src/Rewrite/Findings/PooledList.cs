using System.Buffers;
using System.Runtime.CompilerServices;

namespace Tracking.Rewrite.Findings;

/// <summary>A list of values in pooled memory. Lists that are needed only while a message is planned cost no
/// garbage.</summary>
internal sealed class PooledList<T> : IDisposable
    where T : struct
{
    private T[] _items = [];

    /// <summary>Values in the list.</summary>
    public int Count { get; private set; }

    /// <summary>The values; the span is valid until the next value is added.</summary>
    public Span<T> Span => _items.AsSpan(0, Count);

    /// <summary>One of the values.</summary>
    public ref T this[int index] => ref Span[index];

    /// <summary>Appends a value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(in T value)
    {
        if (Count == _items.Length)
        {
            Grow(1);
        }

        _items[Count++] = value;
    }

    /// <summary>Appends values.</summary>
    public void Add(ReadOnlySpan<T> values)
    {
        if (_items.Length - Count < values.Length)
        {
            Grow(values.Length);
        }

        values.CopyTo(_items.AsSpan(Count));
        Count += values.Length;
    }

    /// <summary>Appends a value whose fields are all zero.</summary>
    /// <returns>A reference to the value, valid until the next value is added.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref T Append()
    {
        if (Count == _items.Length)
        {
            Grow(1);
        }

        ref var value = ref _items[Count++];
        value = default;
        return ref value;
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

    private void Grow(int room)
    {
        var larger = ArrayPool<T>.Shared.Rent(Math.Max(Count + room, Math.Max(16, 2 * Count)));
        Span.CopyTo(larger);
        if (_items.Length > 0)
        {
            ArrayPool<T>.Shared.Return(_items, RuntimeHelpers.IsReferenceOrContainsReferences<T>());
        }

        _items = larger;
    }
}

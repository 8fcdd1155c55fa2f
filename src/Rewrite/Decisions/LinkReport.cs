using System.Collections;
using System.Diagnostics.CodeAnalysis;
using Tracking.Links;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Decisions;

/// <summary>Every link of a message and the decision about it, in pooled memory. The plan's links are read from this
/// report.</summary>
[SuppressMessage("Naming", "CA1710", Justification = "Its callers see a list of links.")]
internal sealed class LinkReport(ReadOnlyMemory<byte> message) : IReadOnlyList<PlannedLink>, IDisposable
{
    private readonly PooledList<LinkRow> _rows = new();

    /// <summary>URLs and names, except those of remembered markup.</summary>
    public ByteBuffer Buffer { get; } = new();

    /// <summary>The marked links in document order.</summary>
    public PooledList<MarkedLink> Marks { get; } = new();

    /// <summary>Links in the report.</summary>
    public int Count => _rows.Count;

    /// <summary>Links that are wrapped.</summary>
    public int Tracked { get; private set; }

    /// <inheritdoc/>
    public PlannedLink this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
            return new PlannedLink(this, index);
        }
    }

    /// <summary>A link's row.</summary>
    public ref LinkRow Row(int index) => ref _rows[index];

    /// <summary>Adds a link.</summary>
    /// <returns>The link's row, valid until the next link is added. The caller fills in the other fields.</returns>
    public ref LinkRow Add(LinkDecision decision)
    {
        Tracked += decision == LinkDecision.Tracked ? 1 : 0;
        ref var row = ref _rows.Append();
        row.Decision = decision;
        return ref row;
    }

    /// <summary>Changes the decision: the link stays plain.</summary>
    public void Untrack(int index, LinkDecision reason)
    {
        ref var row = ref _rows[index];
        row.Decision = reason;
        row.Destination = default;
        Tracked--;
    }

    /// <summary>Changes the decision for all links from an index on: they stay plain.</summary>
    public void UntrackFrom(int index, LinkDecision reason)
    {
        for (; index < Count; index++)
        {
            if (_rows[index].IsTracked)
            {
                Untrack(index, reason);
            }
        }
    }

    /// <summary>Forgets the links from an index on.</summary>
    public void Truncate(int count = 0)
    {
        for (var i = count; i < Count; i++)
        {
            Tracked -= _rows[i].IsTracked ? 1 : 0;
        }

        _rows.Truncate(count);
        var marks = Marks.Count;
        while (marks > 0 && Marks[marks - 1].Row >= count)
        {
            marks--;
        }

        Marks.Truncate(marks);
    }

    /// <summary>Copies bytes into the report's buffer.</summary>
    public ByteRange Keep(ReadOnlySpan<byte> bytes) => new(Buffer.Append(bytes), bytes.Length);

    /// <summary>Keeps the range of a link's bytes in the message.</summary>
    public void SetEncoded(int index, int start, int end) => _rows[index].Encoded = new ByteRange(start, end - start);

    /// <summary>Notes for all links from an index on that their bytes are in decoded content. The content lives as long
    /// as the plan.</summary>
    public void SetEncodedIn(int index, byte[] content)
    {
        foreach (ref var row in _rows.Span[index..])
        {
            row.EncodedIn = content;
        }
    }

    /// <summary>Gives the wrapped links their ordinals.</summary>
    public void Number()
    {
        var ordinal = 0;
        foreach (ref var row in _rows.Span)
        {
            row.Ordinal = row.IsTracked ? ordinal++ : -1;
        }
    }

    /// <summary>The destination of a wrapped link.</summary>
    public ReadOnlySpan<byte> Destination(in LinkRow row) =>
        row.Destination.In(row.HasOwnDestination ? Buffer.Span : row.Texts ?? Buffer.Span);

    /// <summary>The same, for as long as the report.</summary>
    public ReadOnlyMemory<byte> DestinationMemory(in LinkRow row) =>
        row.HasOwnDestination ? row.Destination.In(Buffer.Memory) : Text(row, row.Destination);

    /// <summary>One of a link's texts.</summary>
    public ReadOnlyMemory<byte> Text(in LinkRow row, ByteRange range) => range.In(row.Texts ?? Buffer.Memory);

    /// <summary>The bytes of a link.</summary>
    public ReadOnlyMemory<byte> Encoded(in LinkRow row) =>
        row.Encoded.In(row.EncodedIn ?? message);

    /// <inheritdoc/>
    public IEnumerator<PlannedLink> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public void Dispose()
    {
        Tracked = 0;
        _rows.Dispose();
        Marks.Dispose();
        Buffer.Dispose();
    }
}

/// <summary>A link with a mark in its part.</summary>
/// <param name="Row">The index of the link's row.</param>
/// <param name="IsOptOut">True for a link that is not to be tracked, false for the link that unsubscribes.</param>
/// <param name="Url">The destination, in the report's buffer.</param>
internal readonly record struct MarkedLink(int Row, bool IsOptOut, ByteRange Url);

/// <summary>A link in the report.</summary>
internal struct LinkRow
{
    public LinkDecision Decision;

    /// <summary>The bytes that the ranges refer to; <see langword="null"/> for the report's own buffer.</summary>
    public byte[]? Texts;

    /// <summary>The bytes that <see cref="Encoded"/> refers to; <see langword="null"/> for the message.</summary>
    public byte[]? EncodedIn;

    public int Part;
    public int Position;
    public int Ordinal;
    public ByteRange Url;
    public ByteRange Destination;
    public ByteRange Name;
    public ByteRange Encoded;
    public LinkKind Kind;

    /// <summary>Whether <see cref="Destination"/> refers to the report's own buffer, even with
    /// <see cref="Texts"/>.</summary>
    public bool HasOwnDestination;

    /// <summary>Clicks on it do not count.</summary>
    public bool IsSystem;

    public readonly bool IsTracked => Decision == LinkDecision.Tracked;
}

using System.Text;

namespace Tracking.Database;

/// <summary>The place of a tracked link in its message.</summary>
/// <param name="Part">The body part, as the rewriter counts parts.</param>
/// <param name="Position">The link's number among the part's links, from 1, in document order.</param>
/// <param name="Name">The link's name for reports; empty without a name.</param>
public readonly record struct LinkPlace(int Part, int Position, string Name);

/// <summary>
/// The packed column <c>rewrite.messages.link_map</c>: part, position and name of every tracked link, in ordinal order
/// from 0. One column, not a row per link, so that a message with eighty links needs one insert.
/// <para>Format: version (u8, 1), then per link: part (varint), position (varint), bytes of the name (varint), name
/// (UTF-8). Varints are LEB128, seven bits a byte, lowest first.</para>
/// </summary>
public static class LinkMap
{
    /// <summary>The version that this code writes.</summary>
    public const byte CurrentVersion = 1;

    /// <summary>Packs places. The index of a place is its ordinal.</summary>
    public static byte[] Write(IReadOnlyList<LinkPlace> places)
    {
        ArgumentNullException.ThrowIfNull(places);
        var size = 1;
        foreach (var place in places)
        {
            var name = Encoding.UTF8.GetByteCount(place.Name);
            size += VarintSize(place.Part) + VarintSize(place.Position) + VarintSize(name) + name;
        }

        var map = new byte[size];
        map[0] = CurrentVersion;
        var rest = map.AsSpan(1);
        foreach (var place in places)
        {
            WriteVarint(ref rest, place.Part);
            WriteVarint(ref rest, place.Position);
            WriteVarint(ref rest, Encoding.UTF8.GetByteCount(place.Name));
            rest = rest[Encoding.UTF8.GetBytes(place.Name, rest)..];
        }

        return map;
    }

    /// <summary>Unpacks every place. From a map of another version, or an incomplete one, only the readable places are
    /// returned. Reports then show a link without its place.</summary>
    public static IReadOnlyList<LinkPlace> Read(ReadOnlySpan<byte> map)
    {
        var places = new List<LinkPlace>();
        if (map.IsEmpty || map[0] != CurrentVersion)
        {
            return places;
        }

        var rest = map[1..];
        while (!rest.IsEmpty
            && TryReadVarint(ref rest, out var part)
            && TryReadVarint(ref rest, out var position)
            && TryReadVarint(ref rest, out var length)
            && length <= rest.Length)
        {
            places.Add(new LinkPlace(part, position, Encoding.UTF8.GetString(rest[..length])));
            rest = rest[length..];
        }

        return places;
    }

    private static int VarintSize(int value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        var size = 1;
        for (; value >= 0x80; value >>= 7)
        {
            size++;
        }

        return size;
    }

    private static void WriteVarint(ref Span<byte> destination, int value)
    {
        var at = 0;
        for (; value >= 0x80; value >>= 7)
        {
            destination[at++] = (byte)(value | 0x80);
        }

        destination[at++] = (byte)value;
        destination = destination[at..];
    }

    private static bool TryReadVarint(ref ReadOnlySpan<byte> source, out int value)
    {
        value = 0;
        for (var at = 0; at < source.Length && at < 5; at++)
        {
            value |= (source[at] & 0x7f) << (7 * at);
            if (source[at] < 0x80)
            {
                source = source[(at + 1)..];
                return value >= 0;
            }
        }

        return false;
    }
}

using System.Buffers.Binary;
using System.Text;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>The first time that something happened.</summary>
/// <param name="Micros">µs since 1970; <see cref="Never"/> while nothing has happened.</param>
/// <param name="Client">The client program; empty when it is unknown.</param>
public readonly record struct FirstMoment(long Micros, string Client)
{
    /// <summary>Nothing has happened.</summary>
    public const long Never = long.MaxValue;

    /// <summary>A moment that has not happened.</summary>
    public static FirstMoment None { get; } = new(Never, "");

    /// <summary>Whether the moment has happened.</summary>
    public bool Exists => Micros != Never;

    /// <summary>The earlier moment. Of two in the same microsecond the client's name decides, so that the result does
    /// not depend on the order of arrival.</summary>
    public static FirstMoment Earlier(in FirstMoment one, in FirstMoment other) =>
        one.Micros < other.Micros
            || (one.Micros == other.Micros && string.CompareOrdinal(one.Client, other.Client) <= 0)
            ? one
            : other;
}

/// <summary>The first clicks on a link at its place in the message.</summary>
/// <param name="Ordinal">The place.</param>
/// <param name="Link">The destination.</param>
/// <param name="People">The first click by a person, µs since 1970, or <see cref="FirstMoment.Never"/>.</param>
/// <param name="Machines">The first click by a recognised machine.</param>
public readonly record struct PlaceFirsts(ushort Ordinal, ulong Link, long People, long Machines);

/// <summary>
/// When people and machines first opened a message, first clicked in it, and first clicked each of its links: the
/// packed column <c>ingest.message_counts.firsts</c>. One column, not a row per link, so that a first click needs no
/// insert.
/// <para>Format: version (u8, 1), which of four moments exist (u8: click by a person, click by a machine, open by a
/// person, open by a machine), for each its time (i64) and client (u8 length, UTF-8); then for every clicked place
/// ordinal (u16), link (u64), which of two moments exist (u8) and those (i64). Integers are little-endian.</para>
/// </summary>
public sealed class FirstMoments
{
    /// <summary>The longest name of a client, in bytes.</summary>
    public const int MaxClientBytes = 64;

    private const byte CurrentVersion = 1;
    private const int PlaceSize = 2 + 8 + 1;

    private FirstMoment _click0 = FirstMoment.None;
    private FirstMoment _click1 = FirstMoment.None;
    private FirstMoment _open0 = FirstMoment.None;
    private FirstMoment _open1 = FirstMoment.None;
    private List<PlaceFirsts>? _places;

    /// <summary>Clicked places, by ordinal and link.</summary>
    public IReadOnlyList<PlaceFirsts> Places => _places ?? (IReadOnlyList<PlaceFirsts>)[];

    /// <summary>The first click or open by people or machines.</summary>
    public FirstMoment Of(LinkKind kind, bool machines) => Slot(kind, machines);

    /// <summary>The first open or click by people. A click proves an open too, because many mail programs load no
    /// pictures.</summary>
    public FirstMoment Opener => FirstMoment.Earlier(_click0, _open0);

    /// <summary>The first click or open by anybody.</summary>
    public FirstMoment OfAnybody(LinkKind kind) => FirstMoment.Earlier(Slot(kind, false), Slot(kind, true));

    /// <summary>Adds a click or open. Other kinds are ignored.</summary>
    public void Add(LinkKind kind, bool isMachine, FirstMoment moment, ushort ordinal, ulong link)
    {
        if (kind > LinkKind.Open)
        {
            return;
        }

        ref var slot = ref Slot(kind, isMachine);
        slot = FirstMoment.Earlier(moment, slot);
        if (kind == LinkKind.Click)
        {
            AddPlace(new(
                ordinal, link, isMachine ? FirstMoment.Never : moment.Micros,
                isMachine ? moment.Micros : FirstMoment.Never));
        }
    }

    /// <summary>Adds the moments of another part of the message's events.</summary>
    public void Add(FirstMoments other)
    {
        ArgumentNullException.ThrowIfNull(other);
        _click0 = FirstMoment.Earlier(_click0, other._click0);
        _click1 = FirstMoment.Earlier(_click1, other._click1);
        _open0 = FirstMoment.Earlier(_open0, other._open0);
        _open1 = FirstMoment.Earlier(_open1, other._open1);
        foreach (var place in other.Places)
        {
            AddPlace(place);
        }
    }

    /// <summary>A copy without the moments at or after a time, µs since 1970.</summary>
    public FirstMoments Before(long micros)
    {
        var before = new FirstMoments();
        foreach (var kind in (ReadOnlySpan<LinkKind>)[LinkKind.Click, LinkKind.Open])
        {
            foreach (var machines in (ReadOnlySpan<bool>)[false, true])
            {
                if (Slot(kind, machines) is var moment && moment.Micros < micros)
                {
                    before.Slot(kind, machines) = moment;
                }
            }
        }

        foreach (var place in Places.Where(place => Math.Min(place.People, place.Machines) < micros))
        {
            before.AddPlace(place with
            {
                People = place.People < micros ? place.People : FirstMoment.Never,
                Machines = place.Machines < micros ? place.Machines : FirstMoment.Never,
            });
        }

        return before;
    }

    /// <summary>A copy.</summary>
    public FirstMoments Copy() => new()
    {
        _click0 = _click0,
        _click1 = _click1,
        _open0 = _open0,
        _open1 = _open1,
        _places = _places?.ToList(),
    };

    /// <summary>The rank of a message by clicks, then by opens, in few steps. Most messages have weight 0: fewer than
    /// two clicks and fewer than four opens. From <see cref="WeightOfClicks"/> on the clicks decide.</summary>
    public static short WeightOf(int clicks, int opens) =>
        (short)(clicks > 1 ? 31 + Steps(clicks) : opens > 3 ? Steps(opens) : 0);

    /// <summary>The smallest weight of a message with two clicks or more.</summary>
    public const short WeightOfClicks = 33;

    /// <summary>The fewest clicks, below <see cref="WeightOfClicks"/> opens, that a message of a weight has.</summary>
    public static long FewestOf(short weight) =>
        1L << (weight >= WeightOfClicks ? weight - WeightOfClicks + 1 : weight - 1);

    /// <summary>Packs the moments.</summary>
    public byte[] Write()
    {
        Span<byte> head = stackalloc byte[2 + (4 * (8 + 1 + MaxClientBytes))];
        head[0] = CurrentVersion;
        var at = 2;
        head[1] = 0;
        for (var i = 0; i < 4; i++)
        {
            var moment = Slot((LinkKind)(i / 2), i % 2 == 1);
            if (moment.Exists)
            {
                head[1] |= (byte)(1 << i);
                BinaryPrimitives.WriteInt64LittleEndian(head[at..], moment.Micros);
                Encoding.UTF8.TryGetBytes(moment.Client, head.Slice(at + 9, MaxClientBytes), out var length);
                head[at + 8] = (byte)length;
                at += 9 + length;
            }
        }

        var size = at;
        foreach (var place in Places)
        {
            size += PlaceSize + (place.People == FirstMoment.Never ? 0 : 8)
                + (place.Machines == FirstMoment.Never ? 0 : 8);
        }

        var packed = new byte[size];
        head[..at].CopyTo(packed);
        foreach (var place in Places)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(packed.AsSpan(at), place.Ordinal);
            BinaryPrimitives.WriteUInt64LittleEndian(packed.AsSpan(at + 2), place.Link);
            at += PlaceSize;
            ref var which = ref packed[at - 1];
            Write(packed, ref at, ref which, 1, place.People);
            Write(packed, ref at, ref which, 2, place.Machines);
        }

        return packed;
    }

    /// <summary>Unpacks the moments. From bytes of another version, or incomplete ones, only the readable moments are
    /// taken. Later moments may then count as the first ones, until a rebuild of the counters corrects them.</summary>
    public static FirstMoments Read(ReadOnlySpan<byte> packed)
    {
        var firsts = new FirstMoments();
        if (packed.Length < 2 || packed[0] != CurrentVersion)
        {
            return firsts;
        }

        var which = packed[1];
        var rest = packed[2..];
        for (var i = 0; i < 4; i++)
        {
            if ((which & (1 << i)) != 0)
            {
                if (rest.Length < 9 || rest.Length < 9 + rest[8])
                {
                    return firsts;
                }

                firsts.Slot((LinkKind)(i / 2), i % 2 == 1) = new FirstMoment(
                    BinaryPrimitives.ReadInt64LittleEndian(rest),
                    Encoding.UTF8.GetString(rest.Slice(9, rest[8])));
                rest = rest[(9 + rest[8])..];
            }
        }

        while (rest.Length >= PlaceSize)
        {
            var has = rest[PlaceSize - 1];
            var place = (
                Ordinal: BinaryPrimitives.ReadUInt16LittleEndian(rest),
                Link: BinaryPrimitives.ReadUInt64LittleEndian(rest[2..]));
            rest = rest[PlaceSize..];
            firsts._places ??= [];
            var people = ReadMoment(ref rest, has, 1);
            firsts._places.Add(new PlaceFirsts(place.Ordinal, place.Link, people, ReadMoment(ref rest, has, 2)));
        }

        return firsts;
    }

    private void AddPlace(in PlaceFirsts added)
    {
        _places ??= [];
        var (low, high) = (0, _places.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            var order = (_places[middle].Ordinal, _places[middle].Link).CompareTo((added.Ordinal, added.Link));
            if (order == 0)
            {
                _places[middle] = added with
                {
                    People = Math.Min(_places[middle].People, added.People),
                    Machines = Math.Min(_places[middle].Machines, added.Machines),
                };
                return;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle);
        }

        _places.Insert(low, added);
    }

    private ref FirstMoment Slot(LinkKind kind, bool machines)
    {
        if (kind == LinkKind.Click)
        {
            return ref machines ? ref _click1 : ref _click0;
        }

        return ref machines ? ref _open1 : ref _open0;
    }

    private static int Steps(int count) => 32 - int.LeadingZeroCount(count);

    private static void Write(byte[] packed, ref int at, ref byte which, byte bit, long micros)
    {
        if (micros != FirstMoment.Never)
        {
            which |= bit;
            BinaryPrimitives.WriteInt64LittleEndian(packed.AsSpan(at), micros);
            at += 8;
        }
    }

    private static long ReadMoment(ref ReadOnlySpan<byte> rest, byte has, byte bit)
    {
        if ((has & bit) == 0 || rest.Length < 8)
        {
            return FirstMoment.Never;
        }

        var micros = BinaryPrimitives.ReadInt64LittleEndian(rest);
        rest = rest[8..];
        return micros;
    }
}

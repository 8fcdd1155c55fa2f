using System.Buffers.Binary;

namespace Tracking.Links.International;

/// <summary>
/// The Unicode data for domain names, all of one Unicode version. The runtime has this data only together with ICU,
/// which is missing in invariant mode. The version must not depend on the machine, because a link that was written on
/// one machine is compared on another. The data (125 kB) is read once, at the first name outside ASCII.
/// <c>eng/make-unicode</c> makes the file.
/// </summary>
/// <remarks>
/// Little-endian. Six 32-bit numbers: Unicode's major version, and how many blocks, records, mappings, UTF-16 units and
/// decompositions follow. For every 128 code points the 16-bit number of their block; the blocks, a byte for each code
/// point, which is the number of its record; the records, 32 bits each; the mapped code points in order, 32 bits each
/// with the mapping's length in the low five; where their mappings start, 16 bits each; the UTF-16 units of all
/// mappings; the canonical decompositions in order: code point (its top bit set when the pair is never composed), first
/// and second (or 0), 32 bits each.
/// </remarks>
internal static class CharacterTable
{
    private const int BlockShift = 7;
    private const int CodePoints = 0x110000;
    private const int LengthBits = 5;
    private const uint NeverComposed = 1u << 31;
    private static readonly Data _table = Read();

    /// <summary>The major version of Unicode.</summary>
    public static int UnicodeVersion => _table.Version;

    /// <summary>A character's record.</summary>
    public static CharacterRecord Of(int codePoint)
    {
        var block = _table.Index[codePoint >> BlockShift];
        var record = _table.Blocks[(block << BlockShift) | (codePoint & ((1 << BlockShift) - 1))];
        return new CharacterRecord(_table.Records[record]);
    }

    /// <summary>The characters that replace a mapped character.</summary>
    public static ReadOnlySpan<char> Mapping(int codePoint)
    {
        // The first entry of the code point or beyond: the bits below contain the length.
        var found = Array.BinarySearch(_table.Mapped, (uint)codePoint << LengthBits);
        found = found < 0 ? ~found : found;
        var length = (int)(_table.Mapped[found] & ((1 << LengthBits) - 1));
        return _table.Units.AsSpan(_table.MappingStarts[found], length);
    }

    /// <summary>Decomposes a character, one step deep.</summary>
    /// <param name="codePoint">The character.</param>
    /// <param name="first">The first character of the decomposition.</param>
    /// <param name="second">The second character; 0 for none.</param>
    /// <returns>Whether the character has a decomposition.</returns>
    public static bool TryDecompose(int codePoint, out int first, out int second)
    {
        var found = Array.BinarySearch(_table.Decomposed, codePoint);
        (first, second) = found < 0 ? default : _table.Parts[found];
        return found >= 0;
    }

    /// <summary>The character that two characters become in NFC; -1 when they stay separate.</summary>
    public static int Compose(int first, int second) => _table.Composed.GetValueOrDefault((first, second), -1);

    private static Data Read()
    {
        using var stream = typeof(CharacterTable).Assembly.GetManifestResourceStream("CharacterTable.dat")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        var reader = new Reader(bytes);
        var version = (int)reader.UInt32();
        var (blocks, records, mappings) = (reader.UInt32(), reader.UInt32(), reader.UInt32());
        var (units, decompositions) = (reader.UInt32(), reader.UInt32());
        var table = new Data
        {
            Version = version,
            Index = reader.UInt16s(CodePoints >> BlockShift),
            Blocks = reader.Bytes((int)blocks << BlockShift),
            Records = reader.UInt32s((int)records),
            Mapped = reader.UInt32s((int)mappings),
            MappingStarts = reader.UInt16s((int)mappings),
            Units = Array.ConvertAll(reader.UInt16s((int)units), unit => (char)unit),
            Decomposed = new int[decompositions],
            Parts = new (int First, int Second)[decompositions],
            Composed = [],
        };
        for (var i = 0; i < decompositions; i++)
        {
            var codePoint = reader.UInt32();
            var parts = ((int)reader.UInt32(), (int)reader.UInt32());
            table.Decomposed[i] = (int)(codePoint & ~NeverComposed);
            table.Parts[i] = parts;
            if ((codePoint & NeverComposed) == 0)
            {
                table.Composed.Add(parts, (int)codePoint);
            }
        }

        return table;
    }

    private sealed class Data
    {
        public required int Version { get; init; }

        public required ushort[] Index { get; init; }

        public required byte[] Blocks { get; init; }

        public required uint[] Records { get; init; }

        public required uint[] Mapped { get; init; }

        public required ushort[] MappingStarts { get; init; }

        public required char[] Units { get; init; }

        public required int[] Decomposed { get; init; }

        public required (int First, int Second)[] Parts { get; init; }

        public required Dictionary<(int First, int Second), int> Composed { get; init; }
    }

    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

        public byte[] Bytes(int count) => Take(count).ToArray();

        public ushort[] UInt16s(int count)
        {
            var values = new ushort[count];
            for (var i = 0; i < count; i++)
            {
                values[i] = BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));
            }

            return values;
        }

        public uint[] UInt32s(int count)
        {
            var values = new uint[count];
            for (var i = 0; i < count; i++)
            {
                values[i] = UInt32();
            }

            return values;
        }

        private ReadOnlySpan<byte> Take(int count)
        {
            var taken = _rest[..count];
            _rest = _rest[count..];
            return taken;
        }
    }
}

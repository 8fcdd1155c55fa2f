using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace Tracking.Rewrite.Html;

/// <summary>Character references (13.2.5.72 of the HTML standard), in attribute values and in text.</summary>
internal static class CharacterReferences
{
    private const int LongestName = 32;

    // The legacy names that need no semicolon are at most this long.
    private const int LongestLegacyName = 6;

    private static readonly FrozenDictionary<string, string> _named = ReadTable();

    private static readonly FrozenDictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> _byName =
        _named.GetAlternateLookup<ReadOnlySpan<char>>();

    // The numbers 0x80 to 0x9F mean characters of windows-1252; 0 marks a number that means itself.
    private static ReadOnlySpan<char> Windows1252 =>
        "\u20AC\0\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\0\u017D\0"
        + "\0\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\0\u017E\u0178";

    /// <summary>Reads the reference that <paramref name="text"/> begins with.</summary>
    /// <param name="text">Begins with <c>&amp;</c>.</param>
    /// <param name="inAttribute">Whether the rules of attribute values apply. In a value, <c>&amp;copy=1</c> is not a
    /// reference.</param>
    /// <param name="utf8">Receives the characters, at most 8 bytes.</param>
    /// <param name="written">The number of bytes in <paramref name="utf8"/>.</param>
    /// <returns>The length of the reference in bytes, or 0 when the text begins with none.</returns>
    public static int Read(ReadOnlySpan<byte> text, bool inAttribute, Span<byte> utf8, out int written)
    {
        written = 0;
        if (text.Length < 2)
        {
            return 0;
        }

        return text[1] == '#'
            ? ReadNumber(text, utf8, out written)
            : char.IsAsciiLetterOrDigit((char)text[1]) ? ReadName(text, inAttribute, utf8, out written) : 0;
    }

    private static int ReadNumber(ReadOnlySpan<byte> text, Span<byte> utf8, out int written)
    {
        written = 0;
        var position = 2;
        var isHex = position < text.Length && (text[position] | 0x20) == 'x';
        if (isHex)
        {
            position++;
        }

        var digits = position;
        var value = 0;
        for (; position < text.Length; position++)
        {
            var c = (char)text[position];
            if (isHex ? !char.IsAsciiHexDigit(c) : !char.IsAsciiDigit(c))
            {
                break;
            }

            var digit = char.IsAsciiDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
            value = Math.Min((value * (isHex ? 16 : 10)) + digit, 0x110000);
        }

        if (position == digits)
        {
            return 0;
        }

        if (position < text.Length && text[position] == ';')
        {
            position++;
        }

        if (value is >= 0x80 and <= 0x9f && Windows1252[value - 0x80] != 0)
        {
            value = Windows1252[value - 0x80];
        }

        var rune = value != 0 && Rune.IsValid(value) ? new Rune(value) : Rune.ReplacementChar;
        written = rune.EncodeToUtf8(utf8);
        return position;
    }

    private static int ReadName(ReadOnlySpan<byte> text, bool inAttribute, Span<byte> utf8, out int written)
    {
        written = 0;
        Span<char> name = stackalloc char[LongestName];
        var length = 0;
        while (length < LongestName && length + 1 < text.Length && char.IsAsciiLetterOrDigit((char)text[length + 1]))
        {
            name[length] = (char)text[length + 1];
            length++;
        }

        // The most frequent reference.
        if (length == 3 && text.Length > 4 && text[4] == ';' && name[..3] is "amp")
        {
            utf8[0] = (byte)'&';
            written = 1;
            return 5;
        }

        if (length < LongestName && length + 1 < text.Length && text[length + 1] == ';')
        {
            name[length] = ';';
            if (_byName.TryGetValue(name[..(length + 1)], out var characters))
            {
                written = Encoding.UTF8.GetBytes(characters, utf8);
                return length + 2;
            }
        }

        for (var legacy = Math.Min(length, LongestLegacyName); legacy > 1; legacy--)
        {
            if (!_byName.TryGetValue(name[..legacy], out var characters))
            {
                continue;
            }

            var next = legacy + 1 < text.Length ? (char)text[legacy + 1] : '\0';
            if (inAttribute && (next == '=' || char.IsAsciiLetterOrDigit(next)))
            {
                return 0;
            }

            written = Encoding.UTF8.GetBytes(characters, utf8);
            return legacy + 1;
        }

        return 0;
    }

    private static FrozenDictionary<string, string> ReadTable()
    {
        using var stream = typeof(CharacterReferences).Assembly.GetManifestResourceStream(
            "NamedCharacterReferences.txt")
            ?? throw new InvalidOperationException("The table of named character references is not in the assembly.");
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var table = new Dictionary<string, string>(2300, StringComparer.Ordinal);
        while (reader.ReadLine() is { } line)
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            table[line[..space]] = string.Concat(line[(space + 1)..].Split(',').Select(code =>
                char.ConvertFromUtf32(int.Parse(code, NumberStyles.HexNumber, CultureInfo.InvariantCulture))));
        }

        return table.ToFrozenDictionary(StringComparer.Ordinal);
    }
}

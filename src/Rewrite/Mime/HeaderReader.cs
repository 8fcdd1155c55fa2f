using System.Text;

namespace Tracking.Rewrite.Mime;

/// <summary>The ranges of a header field in the message.</summary>
/// <param name="Start">The start of the field's name.</param>
/// <param name="NameEnd">The end of the field's name.</param>
/// <param name="ValueStart">The place behind the colon.</param>
/// <param name="ValueEnd">The place before the line break that ends the field, behind folded lines.</param>
/// <param name="End">The place behind that line break.</param>
internal readonly record struct HeaderField(int Start, int NameEnd, int ValueStart, int ValueEnd, int End);

/// <summary>The result of reading the next line of a header.</summary>
internal enum HeaderStep : byte
{
    /// <summary>A field.</summary>
    Field,

    /// <summary>The empty line, or the end of the input.</summary>
    End,

    /// <summary>A line that is not a field. The lines behind it are not read.</summary>
    Malformed,
}

/// <summary>Reads the fields of a header (RFC 5322 2.2). Lines end in CRLF or LF.</summary>
internal ref struct HeaderReader
{
    private readonly ReadOnlySpan<byte> _bytes;
    private int _position;

    /// <param name="bytes">The message, or the message up to the end of the header's part.</param>
    /// <param name="start">The header's start.</param>
    public HeaderReader(ReadOnlySpan<byte> bytes, int start)
    {
        _bytes = bytes;
        _position = start;
    }

    /// <summary>Reads the header of a whole message.</summary>
    public static HeaderReader OfMessage(ReadOnlySpan<byte> message) => new(message, MessageStart.Of(message));

    /// <summary>The field that was read.</summary>
    public HeaderField Field { get; private set; }

    /// <summary>Whether the empty line was present, so that a body can follow.</summary>
    public bool HasEnd { get; private set; }

    /// <summary>After the end: the start of the body, behind the empty line.</summary>
    public readonly int Position => _position;

    /// <summary>The name of the field that was read.</summary>
    public readonly ReadOnlySpan<byte> Name => _bytes[Field.Start..Field.NameEnd];

    /// <summary>The raw value of the field that was read.</summary>
    public readonly ReadOnlySpan<byte> Value => _bytes[Field.ValueStart..Field.ValueEnd];

    /// <summary>Reads the next field.</summary>
    public HeaderStep Read()
    {
        var start = _position;
        if (start >= _bytes.Length)
        {
            return HeaderStep.End;
        }

        var rest = _bytes[start..];
        if (rest[0] == '\n' || rest.StartsWith("\r\n"u8))
        {
            _position += rest[0] == '\n' ? 1 : 2;
            HasEnd = true;
            return HeaderStep.End;
        }

        var lineEnd = LineEnd(start);
        var colon = _bytes[start..lineEnd].IndexOf((byte)':');
        var nameEnd = start + colon;
        while (nameEnd > start && _bytes[nameEnd - 1] is (byte)' ' or (byte)'\t')
        {
            nameEnd--;
        }

        if (colon <= 0 || _bytes[start..nameEnd].ContainsAnyExceptInRange((byte)0x21, (byte)0x7e) || nameEnd == start)
        {
            return HeaderStep.Malformed;
        }

        while (lineEnd < _bytes.Length && _bytes[lineEnd] is (byte)' ' or (byte)'\t')
        {
            lineEnd = LineEnd(lineEnd);
        }

        var valueEnd = lineEnd;
        if (valueEnd > start && _bytes[valueEnd - 1] == '\n')
        {
            valueEnd--;
            if (valueEnd > start && _bytes[valueEnd - 1] == '\r')
            {
                valueEnd--;
            }
        }

        Field = new HeaderField(start, nameEnd, start + colon + 1, Math.Max(valueEnd, start + colon + 1), lineEnd);
        _position = lineEnd;
        return HeaderStep.Field;
    }

    /// <summary>Whether the field's name is <paramref name="name"/>, ignoring case.</summary>
    public readonly bool Is(ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(Name, name);

    private readonly int LineEnd(int from)
    {
        var length = _bytes[from..].IndexOf((byte)'\n');
        return length < 0 ? _bytes.Length : from + length + 1;
    }
}

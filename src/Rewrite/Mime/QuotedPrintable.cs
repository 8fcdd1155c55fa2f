using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Mime;

/// <summary>
/// Quoted-printable (RFC 2045 6.7). Decodes a body, and keeps the beginning of each decoded line, so that a place in
/// the decoded content can be found in the raw bytes. Changes stay inside the bytes that they replace. Every other byte
/// stays, also on the same line.
/// </summary>
internal sealed class QuotedPrintable : IDisposable
{
    /// <summary>The most characters of a line, including the final <c>=</c>.</summary>
    public const int MaxLineLength = 76;

    // Characters that need no escape. A space needs one before a line break, but written text never ends in a space.
    private static readonly SearchValues<byte> _plain = SearchValues.Create(
        " !\"#$%&'()*+,-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"u8);

    private readonly PooledList<(int Decoded, int Raw)> _lines = new();
    private int _line;
    private int _decodedAt;
    private int _rawAt;

    /// <summary>Decodes a body.</summary>
    /// <param name="raw">The body.</param>
    /// <param name="output">Receives the content; at least as long as <paramref name="raw"/>.</param>
    /// <returns>The number of decoded bytes.</returns>
    public int Decode(ReadOnlySpan<byte> raw, Span<byte> output)
    {
        _lines.Truncate();
        _line = _decodedAt = _rawAt = 0;
        var position = 0;
        var length = 0;
        while (true)
        {
            var run = CopyRun(raw[position..], output[length..], (byte)'\n');
            length += run;
            position += run;
            if (position == raw.Length)
            {
                return length;
            }

            if (raw[position] == '\n')
            {
                length = DropPadding(raw, position, output, length);
                output[length++] = (byte)'\n';
                position++;
                _lines.Add((length, position));
                continue;
            }

            position += Unescape(raw[position..], out var value);
            if (value >= 0)
            {
                output[length++] = (byte)value;
            }
            else
            {
                _lines.Add((length, position));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lines.Dispose();

    /// <summary>Lets positions be requested from the beginning again.</summary>
    public void Rewind() => _line = _decodedAt = _rawAt = 0;

    /// <summary>The raw position of a decoded position. Positions must be requested in ascending order.</summary>
    public int RawStart(ReadOnlySpan<byte> raw, int decoded)
    {
        var lines = _lines.Span;
        while (_line < lines.Length && lines[_line].Decoded <= decoded)
        {
            (_decodedAt, _rawAt) = lines[_line++];
        }

        while (_decodedAt < decoded && _rawAt < raw.Length)
        {
            // Dropped white space occurs only at a line's end, where the next line's start is already known.
            var run = raw.Slice(_rawAt, Math.Min(decoded - _decodedAt, raw.Length - _rawAt));
            var plain = run.IndexOf((byte)'=');
            if (plain != 0)
            {
                plain = plain < 0 ? run.Length : plain;
                _rawAt += plain;
                _decodedAt += plain;
                continue;
            }

            _rawAt += TokenLength(raw[_rawAt..], out _);
            _decodedAt++;
        }

        return _rawAt;
    }

    /// <summary>The raw position behind the byte before a decoded position.</summary>
    public int RawEnd(ReadOnlySpan<byte> raw, int decodedEnd)
    {
        var last = RawStart(raw, decodedEnd - 1);
        return last >= raw.Length ? last : last + TokenLength(raw[last..], out _);
    }

    /// <summary>The raw range of a decoded range; an empty range stays empty. Ranges must be requested in ascending
    /// order.</summary>
    public ByteRange RawRange(ReadOnlySpan<byte> raw, int start, int end)
    {
        var rawStart = RawStart(raw, start);
        return new ByteRange(rawStart, end == start ? 0 : RawEnd(raw, end) - rawStart);
    }

    /// <summary>Writes the replacement of a range, with soft breaks where the line would become too long. No new line
    /// begins in a way that <see cref="LineStart"/> forbids: the break comes one character earlier, and without an
    /// earlier place the character is written in hexadecimal.</summary>
    /// <param name="text">The text to write. White space in it is encoded.</param>
    /// <param name="column">The number of characters before the text on the line.</param>
    /// <param name="behind">The bytes that follow, up to the next change.</param>
    /// <param name="following">The number of those bytes that are on the same line.</param>
    /// <param name="lineBreak">CRLF or LF.</param>
    /// <param name="output">Receives the encoded text.</param>
    /// <param name="taken">The number of bytes at the beginning of <paramref name="behind"/> that were written
    /// too.</param>
    /// <returns>The number of characters on the line afterwards.</returns>
    public static int Write(
        ReadOnlySpan<byte> text,
        int column,
        ReadOnlySpan<byte> behind,
        int following,
        ReadOnlySpan<byte> lineBreak,
        ByteBuffer output,
        out int taken)
    {
        // If the following bytes must not begin a line, the text's last character stays with them.
        var last = LineStart.IsAtRisk(behind) && text is [.., not (byte)'.' and not (byte)'-'] ? text[^1..] : [];
        column = Write(text[..^last.Length], column, lineBreak, output);
        var width = last.IsEmpty ? 0 : _plain.Contains(last[0]) ? 1 : 3;
        if (column + width + following > MaxLineLength && column > 0)
        {
            SoftBreak(lineBreak, output);
            column = 0;
        }

        column = last.IsEmpty ? column : Write(last, column, lineBreak, output);
        for (taken = 0; column == 0 && LineStart.IsAtRisk(behind[taken..]); taken++)
        {
            AppendEscaped(behind[taken], output);
            column = 3;
            if (column + following - taken - 1 > MaxLineLength)
            {
                SoftBreak(lineBreak, output);
                column = 0;
            }
        }

        return column;
    }

    private static int Write(ReadOnlySpan<byte> text, int column, ReadOnlySpan<byte> lineBreak, ByteBuffer output)
    {
        while (!text.IsEmpty)
        {
            // One place stays free for the "=" of a soft break.
            var room = MaxLineLength - 1 - column;
            var fitting = text[..Math.Clamp(room, 0, text.Length)];
            var run = fitting.IndexOfAnyExcept(_plain);
            run = run < 0 ? fitting.Length : run;
            var most = run;
            while (most == room && run > 1 && LineStart.IsAtRisk(text[run..]))
            {
                run--;
            }

            if (run > 0 && !(column == 0 && LineStart.IsAtRisk(text)))
            {
                output.Append(text[..run]);
                text = text[run..];
                column += run;
                if (run < most)
                {
                    SoftBreak(lineBreak, output);
                    column = 0;
                }
            }
            else if (room >= 3)
            {
                AppendEscaped(text[0], output);
                text = text[1..];
                column += 3;
            }
            else
            {
                SoftBreak(lineBreak, output);
                column = 0;
            }
        }

        return column;
    }

    /// <summary>Copies up to the next "=" or other byte. Runs are short, so each 16 bytes are copied before their
    /// number is known. Later bytes overwrite the excess.</summary>
    /// <param name="raw">The source.</param>
    /// <param name="output">The destination, at least as long as the source.</param>
    /// <param name="other">A further byte that ends the run.</param>
    /// <returns>The number of copied bytes of the run.</returns>
    internal static int CopyRun(ReadOnlySpan<byte> raw, Span<byte> output, byte other)
    {
        var length = 0;
        if (Vector128.IsHardwareAccelerated)
        {
            var equals = Vector128.Create((byte)'=');
            var others = Vector128.Create(other);
            ref var from = ref MemoryMarshal.GetReference(raw);
            ref var to = ref MemoryMarshal.GetReference(output);
            for (var last = Math.Min(raw.Length, output.Length) - Vector128<byte>.Count; length <= last;)
            {
                var bytes = Vector128.LoadUnsafe(ref from, (nuint)length);
                bytes.StoreUnsafe(ref to, (nuint)length);
                var found = (Vector128.Equals(bytes, equals) | Vector128.Equals(bytes, others))
                    .ExtractMostSignificantBits();
                if (found != 0)
                {
                    return length + BitOperations.TrailingZeroCount(found);
                }

                length += Vector128<byte>.Count;
            }
        }

        for (; length < raw.Length && raw[length] != '=' && raw[length] != other; length++)
        {
            output[length] = raw[length];
        }

        return length;
    }

    private static void AppendEscaped(byte value, ByteBuffer output)
    {
        output.Append((byte)'=');
        output.Append("0123456789ABCDEF"u8[value >> 4]);
        output.Append("0123456789ABCDEF"u8[value & 15]);
    }

    private static void SoftBreak(ReadOnlySpan<byte> lineBreak, ByteBuffer output)
    {
        output.Append((byte)'=');
        output.Append(lineBreak);
    }

    // White space before a line break was added in transport and is not content.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int DropPadding(ReadOnlySpan<byte> raw, int newLine, Span<byte> output, int length)
    {
        var hasReturn = newLine > 0 && raw[newLine - 1] == '\r';
        var end = newLine - (hasReturn ? 1 : 0);
        var start = end;
        while (start > 0 && raw[start - 1] is (byte)' ' or (byte)'\t')
        {
            start--;
        }

        if (start == end)
        {
            return length;
        }

        length -= newLine - start;
        if (hasReturn)
        {
            output[length++] = (byte)'\r';
        }

        return length;
    }

    private static int TokenLength(ReadOnlySpan<byte> raw, out int value)
    {
        if (raw[0] != '=')
        {
            value = raw[0];
            return 1;
        }

        return Unescape(raw, out value);
    }

    /// <summary>Reads "=XX", a soft break (-1), or an equals sign that is neither and means itself.</summary>
    /// <returns>The length in raw bytes.</returns>
    internal static int Unescape(ReadOnlySpan<byte> raw, out int value)
    {
        if (raw.Length > 2)
        {
            var high = HexValue(raw[1]);
            var low = HexValue(raw[2]);
            if ((high | low) >= 0)
            {
                value = (high << 4) | low;
                return 3;
            }
        }

        var end = 1;
        while (end < raw.Length && raw[end] is (byte)' ' or (byte)'\t')
        {
            end++;
        }

        if (end < raw.Length && raw[end] == '\r')
        {
            end++;
        }

        if (end == raw.Length || raw[end] == '\n')
        {
            value = -1;
            return Math.Min(end + 1, raw.Length);
        }

        value = '=';
        return 1;
    }

    private static int HexValue(byte c) =>
        c is >= (byte)'0' and <= (byte)'9' ? c - '0'
        : (c | 0x20) is >= 'a' and <= 'f' ? (c | 0x20) - 'a' + 10
        : -1;
}

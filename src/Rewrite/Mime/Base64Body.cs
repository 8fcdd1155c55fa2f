using System.Buffers;
using System.Buffers.Text;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tracking.Rewrite.Mime;

/// <summary>A base64 body (RFC 2045 6.8). It is decoded as a whole, and encoded again from the first change on with its
/// original line length. The bytes before the first change stay.</summary>
internal static class Base64Body
{
    private const int RfcLineLength = 76;

    // Characters copied at a time between the body's lines and the coder: few enough to stay in the nearest cache. A
    // multiple of four.
    private const int Chunk = 8 * 1024;

    private static readonly SearchValues<byte> _blank = SearchValues.Create(" \t\r\n"u8);

    /// <summary>Decodes a body.</summary>
    /// <param name="raw">The body.</param>
    /// <param name="output">Receives the content; at least three quarters as long.</param>
    /// <returns>The number of decoded bytes, or -1 when a part of the body is not base64.</returns>
    public static int Decode(ReadOnlySpan<byte> raw, Span<byte> output)
    {
        var joined = ArrayPool<byte>.Shared.Rent(Chunk);
        try
        {
            var (length, written) = (0, 0);
            var line = raw.IndexOfAny(_blank);
            line = line < 0 ? raw.Length : line;
            while (!raw.IsEmpty)
            {
                if (length > Chunk / 2)
                {
                    // More characters follow, so padding here is invalid.
                    if (Base64.DecodeFromUtf8(
                        joined.AsSpan(0, length), output[written..], out var used, out var more, isFinalBlock: false)
                        is not (OperationStatus.Done or OperationStatus.NeedMoreData))
                    {
                        return -1;
                    }

                    written += more;
                    joined.AsSpan(used, length - used).CopyTo(joined);
                    length -= used;
                }

                // Nearly all lines have the first line's length. The decoder would skip white space inside a line.
                if (length == 0 && Base64Lines.CanHandle(line))
                {
                    var decoded = Base64Lines.Decode(raw, line, output[written..]);
                    written += decoded * (line / 4 * 3);
                    raw = raw[(decoded * (line + 2))..];
                }

                var lines = JoinLines(raw, line, joined.AsSpan(length, Chunk - length));
                length += lines * line;
                raw = raw[(lines * (line + 2))..];

                var room = Math.Min(raw.Length, Chunk - length);
                var run = raw[..room].IndexOfAny(_blank);
                run = run < 0 ? room : run;
                raw[..run].CopyTo(joined.AsSpan(length));
                length += run;
                raw = raw[run..];
                var next = raw.IndexOfAnyExcept(_blank);
                raw = next < 0 ? default : raw[next..];
            }

            return Base64.DecodeFromUtf8(joined.AsSpan(0, length), output[written..], out _, out var last)
                == OperationStatus.Done
                    ? written + last
                    : -1;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }

    /// <summary>Finds the raw bytes of a decoded position, and the layout of the lines.</summary>
    /// <param name="raw">The body.</param>
    /// <param name="decoded">The position; a multiple of three.</param>
    public static Base64Layout Measure(ReadOnlySpan<byte> raw, int decoded)
    {
        var characters = decoded / 3 * 4;
        var layout = new Base64Layout { TailStart = raw.LastIndexOfAnyExcept(_blank) + 1, KeptRaw = -1 };
        var position = Math.Max(0, raw.IndexOfAnyExcept(_blank));
        var lines = 0;
        while (position < layout.TailStart)
        {
            var run = raw[position..].IndexOfAny(_blank);
            run = run < 0 ? raw.Length - position : run;
            lines++;
            if (lines == 1)
            {
                layout.LineLength = run;
            }

            if (layout.KeptRaw < 0)
            {
                if (characters < run)
                {
                    layout.KeptRaw = position + characters;
                    layout.Column = characters;
                }

                characters -= run;
            }
            else if (lines > 2)
            {
                break;
            }

            position += run;
            var next = raw[position..].IndexOfAnyExcept(_blank);
            position = next < 0 ? raw.Length : position + next;
        }

        if (layout.KeptRaw < 0)
        {
            layout.KeptRaw = layout.TailStart;
            layout.Column = lines < 2 ? layout.LineLength : 0;
        }

        // A single line does not show the line length.
        if (lines < 2)
        {
            layout.LineLength = Math.Max(RfcLineLength, layout.LineLength);
        }

        return layout;
    }

    /// <summary>Encodes the content that follows the kept bytes.</summary>
    /// <returns>Bytes written.</returns>
    public static int Write(
        ReadOnlySpan<byte> content,
        in Base64Layout layout,
        ReadOnlySpan<byte> lineBreak,
        IBufferWriter<byte> output)
    {
        // A line may have been longer than the first one.
        var room = Math.Max(0, layout.LineLength - layout.Column);
        var length = Base64.GetMaxEncodedToUtf8Length(content.Length);
        var breaks = length > room ? 1 + ((length - room - 1) / layout.LineLength) : 0;
        length += breaks * lineBreak.Length;
        var lines = output.GetSpan(length);
        var encoded = ArrayPool<byte>.Shared.Rent(Chunk);
        while (!content.IsEmpty)
        {
            var take = Chunk / 4 * 3;
            if (Base64Lines.CanHandle(layout.LineLength) && room % 4 == 0)
            {
                if (room == 0)
                {
                    lineBreak.CopyTo(lines);
                    lines = lines[lineBreak.Length..];
                    room = layout.LineLength;
                }

                if (room == layout.LineLength)
                {
                    var whole = Base64Lines.Encode(content, room, lineBreak, lines);
                    content = content[(whole * (room / 4 * 3))..];
                    lines = lines[(whole * (room + lineBreak.Length))..];
                }

                take = room / 4 * 3;
            }

            Base64.EncodeToUtf8(
                content[..Math.Min(content.Length, take)], encoded, out var used, out var characters);
            content = content[used..];
            lines = lines[WriteLines(encoded.AsSpan(0, characters), layout.LineLength, ref room, lineBreak, lines)..];
        }

        output.Advance(length);
        ArrayPool<byte>.Shared.Return(encoded);
        return length;
    }

    // Copies lines of one length that end in CRLF. Returns the number of such lines in a row that fit.
    private static int JoinLines(ReadOnlySpan<byte> raw, int line, Span<byte> output)
    {
        var lines = 0;
        var most = line == 0 ? 0 : Math.Min(output.Length / line, raw.Length / (line + 2));
        for (var end = line; lines < most && raw[end] == '\r' && raw[end + 1] == '\n'; end += line + 2)
        {
            lines++;
        }

        CopyLines(raw, line + 2, output, line, line, lines);
        return lines;
    }

    // Continues on a line with room for this many characters, and sets the room of the last line. Returns the written
    // bytes.
    private static int WriteLines(
        ReadOnlySpan<byte> text, int line, ref int room, ReadOnlySpan<byte> lineBreak, Span<byte> output)
    {
        var written = 0;
        while (!text.IsEmpty)
        {
            if (room == 0)
            {
                lineBreak.CopyTo(output[written..]);
                written += lineBreak.Length;
                room = line;
            }

            // More text follows each of these lines.
            var whole = room == line ? (text.Length - 1) / line : 0;
            SplitLines(text, line, whole, lineBreak, output[written..]);
            written += whole * (line + lineBreak.Length);
            text = text[(whole * line)..];

            var run = Math.Min(room, text.Length);
            text[..run].CopyTo(output[written..]);
            written += run;
            room -= run;
            text = text[run..];
        }

        return written;
    }

    private static void SplitLines(
        ReadOnlySpan<byte> text, int line, int lines, ReadOnlySpan<byte> lineBreak, Span<byte> output)
    {
        var stride = line + lineBreak.Length;
        CopyLines(text, line, output, stride, line, lines);
        for (var at = line; lines > 0; lines--, at += stride)
        {
            // CRLF or LF. A call to copy would cost more than this.
            output[at] = lineBreak[0];
            output[at + lineBreak.Length - 1] = lineBreak[^1];
        }
    }

    // Lines are short, so whole vectors are copied. The next line overwrites the excess.
    private static void CopyLines(
        ReadOnlySpan<byte> source, int sourceStride, Span<byte> target, int targetStride, int length, int lines)
    {
        var rounded = (length + Vector128<byte>.Count - 1) & -Vector128<byte>.Count;
        var (from, to) = (0, 0);
        for (; lines > 0 && from <= source.Length - rounded && to <= target.Length - rounded; lines--)
        {
            CopyVectors(
                ref Unsafe.Add(ref MemoryMarshal.GetReference(source), from),
                ref Unsafe.Add(ref MemoryMarshal.GetReference(target), to),
                (nuint)rounded);
            from += sourceStride;
            to += targetStride;
        }

        for (; lines > 0; lines--)
        {
            source.Slice(from, length).CopyTo(target[to..]);
            from += sourceStride;
            to += targetStride;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyVectors(ref byte from, ref byte to, nuint length)
    {
        nuint at = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; at + (nuint)Vector512<byte>.Count <= length; at += (nuint)Vector512<byte>.Count)
            {
                Vector512.LoadUnsafe(ref from, at).StoreUnsafe(ref to, at);
            }
        }

        for (; at < length; at += (nuint)Vector128<byte>.Count)
        {
            Vector128.LoadUnsafe(ref from, at).StoreUnsafe(ref to, at);
        }
    }
}

/// <summary>How a base64 body is laid out.</summary>
internal struct Base64Layout
{
    /// <summary>The number of raw bytes at the beginning that stay.</summary>
    public int KeptRaw;

    /// <summary>The number of characters on the last unchanged line.</summary>
    public int Column;

    /// <summary>The number of characters per line.</summary>
    public int LineLength;

    /// <summary>The start of the white space behind the last character; the white space stays.</summary>
    public int TailStart;
}

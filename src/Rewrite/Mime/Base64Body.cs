using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tracking.Rewrite.Mime;

/// <summary>A base64 body (RFC 2045 6.8): decoded as a whole, written again from the first change on with the line
/// length it had; the bytes before the first change stay.</summary>
internal static class Base64Body
{
    private const int RfcLineLength = 76;

    private static readonly SearchValues<byte> Blank = SearchValues.Create(" \t\r\n"u8);

    /// <summary>Decodes a body.</summary>
    /// <param name="raw">The body.</param>
    /// <param name="output">At least three quarters as long.</param>
    /// <returns>Bytes decoded, or -1 when it is not base64 from end to end.</returns>
    public static int Decode(ReadOnlySpan<byte> raw, Span<byte> output)
    {
        var compact = ArrayPool<byte>.Shared.Rent(raw.Length + 1);
        try
        {
            var length = 0;
            var line = raw.IndexOfAny(Blank);
            line = line < 0 ? raw.Length : line;
            while (!raw.IsEmpty)
            {
                // Nearly always another line like the first. White space inside it would be skipped by the decoder.
                if ((uint)(line + 1) < (uint)raw.Length && raw[line] == '\r' && raw[line + 1] == '\n')
                {
                    CopyLine(raw, compact.AsSpan(length), line);
                    length += line;
                    raw = raw[(line + 2)..];
                    continue;
                }

                var run = raw.IndexOfAny(Blank);
                run = run < 0 ? raw.Length : run;
                raw[..run].CopyTo(compact.AsSpan(length));
                length += run;
                raw = raw[run..];
                var next = raw.IndexOfAnyExcept(Blank);
                raw = next < 0 ? default : raw[next..];
            }

            return Base64.DecodeFromUtf8(compact.AsSpan(0, length), output, out _, out var written)
                == OperationStatus.Done
                    ? written
                    : -1;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(compact);
        }
    }

    /// <summary>Where the raw bytes of a decoded position stand, and how the lines are laid out.</summary>
    /// <param name="raw">The body.</param>
    /// <param name="decoded">A multiple of three.</param>
    public static Base64Layout Measure(ReadOnlySpan<byte> raw, int decoded)
    {
        var characters = decoded / 3 * 4;
        var layout = new Base64Layout { TailStart = raw.LastIndexOfAnyExcept(Blank) + 1, KeptRaw = -1 };
        var position = Math.Max(0, raw.IndexOfAnyExcept(Blank));
        var lines = 0;
        while (position < layout.TailStart)
        {
            var run = raw[position..].IndexOfAny(Blank);
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
            var next = raw[position..].IndexOfAnyExcept(Blank);
            position = next < 0 ? raw.Length : position + next;
        }

        if (layout.KeptRaw < 0)
        {
            layout.KeptRaw = layout.TailStart;
            layout.Column = lines < 2 ? layout.LineLength : 0;
        }

        // A single line says nothing about where lines end.
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
        var encoded = ArrayPool<byte>.Shared.Rent(Base64.GetMaxEncodedToUtf8Length(content.Length));
        Base64.EncodeToUtf8(content, encoded, out _, out var length);
        ReadOnlySpan<byte> rest = encoded.AsSpan(0, length);

        // A line may have been longer than the first.
        var room = Math.Max(0, layout.LineLength - layout.Column);
        var breaks = length > room ? 1 + ((length - room - 1) / layout.LineLength) : 0;
        length += breaks * lineBreak.Length;
        var lines = output.GetSpan(length);
        for (; breaks > 0; breaks--)
        {
            CopyLine(rest, lines, room);
            lineBreak.CopyTo(lines[room..]);
            lines = lines[(room + lineBreak.Length)..];
            rest = rest[room..];
            room = layout.LineLength;
        }

        rest.CopyTo(lines);
        output.Advance(length);
        ArrayPool<byte>.Shared.Return(encoded);
        return length;
    }

    // Lines are short: whole vectors are copied, and what is too much is written over by the next line.
    private static void CopyLine(ReadOnlySpan<byte> source, Span<byte> target, int length)
    {
        var rounded = (length + Vector128<byte>.Count - 1) & -Vector128<byte>.Count;
        if (rounded > Math.Min(source.Length, target.Length))
        {
            source[..length].CopyTo(target);
            return;
        }

        ref var from = ref MemoryMarshal.GetReference(source);
        ref var to = ref MemoryMarshal.GetReference(target);
        for (nuint at = 0; at < (nuint)rounded; at += (nuint)Vector128<byte>.Count)
        {
            Vector128.LoadUnsafe(ref from, at).StoreUnsafe(ref to, at);
        }
    }
}

/// <summary>How a base64 body is laid out.</summary>
internal struct Base64Layout
{
    /// <summary>Raw bytes that stay at the beginning.</summary>
    public int KeptRaw;

    /// <summary>Characters of the last kept line.</summary>
    public int Column;

    /// <summary>Characters of a line.</summary>
    public int LineLength;

    /// <summary>Where the white space behind the last character starts; it stays.</summary>
    public int TailStart;
}

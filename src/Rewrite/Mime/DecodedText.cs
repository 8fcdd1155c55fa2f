using System.Buffers;
using System.Text;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Mime;

/// <summary>
/// Content in a charset whose ASCII bytes may have another meaning. Holds the content as UTF-8, and the place of each
/// character in the content.
/// </summary>
internal sealed class DecodedText : IDisposable
{
    private readonly ByteBuffer _utf8 = new();
    private int[] _ends = [];
    private int _unit;
    private int _contentLength;

    /// <summary>The text.</summary>
    public ReadOnlySpan<byte> Utf8 => _utf8.Span;

    /// <summary>Decodes content.</summary>
    /// <returns>Whether every byte is valid in the charset.</returns>
    public bool TryDecode(ReadOnlySpan<byte> content, MailCharset charset)
    {
        _utf8.Truncate();
        _unit = charset.UnitLength;
        _contentLength = content.Length;
        if (content.Length % _unit != 0)
        {
            return false;
        }

        try
        {
            Decode(content, charset);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }

    /// <summary>The start, in the content, of the character at a position of the text. Bytes that end a state before an
    /// ASCII character belong to the character before it.</summary>
    public int Start(int position) => position >= _utf8.Length ? _contentLength
        // An escape before a letter belongs to the letter. An ASCII character is always one unit.
        : _utf8.Span[position] < 0x80 ? _ends[position] - _unit
        : position == 0 ? 0
        : _ends[position - 1];

    /// <inheritdoc/>
    public void Dispose()
    {
        _utf8.Dispose();
        if (_ends.Length > 0)
        {
            ArrayPool<int>.Shared.Return(_ends);
            _ends = [];
        }
    }

    // Decodes unit by unit, so that each character's end is known. Outside two-byte letters an ASCII byte means itself.
    private void Decode(ReadOnlySpan<byte> content, MailCharset charset)
    {
        var decoder = charset.StrictDecoder();
        Span<char> chars = stackalloc char[16];
        Span<byte> utf8 = stackalloc byte[48];
        var isBetween = charset.Form == CharsetForm.Letters;
        var high = '\0';
        for (var position = 0; position < content.Length;)
        {
            var run = isBetween ? content[position..].IndexOfAnyExceptInRange((byte)0, (byte)0x7f) : 0;
            run = run < 0 ? content.Length - position : run;
            if (run > 0)
            {
                Append(content.Slice(position, run), position, 1);
                position += run;
                continue;
            }

            var count = decoder.GetChars(content.Slice(position, _unit), chars, flush: false);
            position += _unit;
            isBetween = charset.Form == CharsetForm.Letters && count > 0;
            if (count == 1 && char.IsHighSurrogate(chars[0]))
            {
                high = chars[0];
                continue;
            }

            if (high != 0)
            {
                chars[..count].CopyTo(chars[1..]);
                chars[0] = high;
                high = '\0';
                count++;
            }

            var length = Encoding.UTF8.GetBytes(chars[..count], utf8);
            Append(utf8[..length], position, 0);
        }

        decoder.GetChars([], chars, flush: true);
    }

    private void Append(ReadOnlySpan<byte> utf8, int end, int step)
    {
        var start = _utf8.Append(utf8);
        if (_ends.Length < _utf8.Length)
        {
            var larger = ArrayPool<int>.Shared.Rent(Math.Max(_contentLength, 2 * _utf8.Length));
            _ends.AsSpan(0, start).CopyTo(larger);
            if (_ends.Length > 0)
            {
                ArrayPool<int>.Shared.Return(_ends);
            }

            _ends = larger;
        }

        for (var i = 0; i < utf8.Length; i++)
        {
            end += step;
            _ends[start + i] = end;
        }
    }
}

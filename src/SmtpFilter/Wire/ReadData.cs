using System.Buffers;

namespace Tracking.SmtpFilter.Wire;

/// <summary>
/// A message that arrives with <c>DATA</c> (RFC 5321 4.1.1.4) or <c>BDAT</c> (RFC 3030), in any segments. With
/// <c>DATA</c> only CR LF . CR LF ends the message, and a leading dot is removed only after CR LF.
/// <para>
/// Servers that also accept <c>LF . CR LF</c>, <c>CR . CR LF</c> or the like as the end see two messages where others
/// see one ("SMTP smuggling"). RFC 5321 2.3.8 forbids LF without CR. So a message with a single LF is refused. A dot
/// alone between two line ends is refused too if one of them is not CR LF. Other CRs without LF are content. </para>
/// </summary>
/// <param name="most">The largest message in bytes. Of a larger message only the size is kept.</param>
internal sealed class ReadData(int most)
{
    private const byte Cr = (byte)'\r';
    private const byte Lf = (byte)'\n';

    private readonly ArrayBufferWriter<byte> _message = new(64 * 1024);
    private bool _isLineStart = true;
    private bool _hasBareLf;
    private byte _last;

    /// <summary>The message with undoubled dots.</summary>
    public ReadOnlyMemory<byte> Message => _message.WrittenMemory;

    /// <summary>The message's size so far, including dropped bytes.</summary>
    public long Size { get; private set; }

    /// <summary>Whether the message is larger than allowed.</summary>
    public bool IsTooLarge => Size > most;

    /// <summary>Whether the message has line ends that servers interpret differently.</summary>
    public bool HasBadLineEnds => _hasBareLf || DotBesideCr();

    /// <summary>Takes bytes of <c>DATA</c>.</summary>
    /// <param name="bytes">The arrived bytes.</param>
    /// <param name="taken">The bytes that were used. The bytes after them are given again with the next call: the end
    /// of the message may be incomplete, or the next command follows.</param>
    /// <returns>Whether the message has ended.</returns>
    public bool Take(ReadOnlySpan<byte> bytes, out int taken)
    {
        taken = 0;
        while (taken < bytes.Length)
        {
            var rest = bytes[taken..];
            if (_isLineStart && rest[0] == '.')
            {
                if (rest.Length < 3 && rest.IndexOf(Lf) < 0)
                {
                    return false;
                }

                if (rest is [_, Cr, Lf, ..])
                {
                    taken += 3;
                    return true;
                }

                taken++;
                _isLineStart = false;
                // The byte before the removed dot was the LF of a good line end.
                continue;
            }

            var end = rest.IndexOf(Lf);
            var line = end < 0 ? rest : rest[..(end + 1)];
            Add(line);
            taken += line.Length;
        }

        return false;
    }

    /// <summary>Takes bytes of <c>BDAT</c>: all of them are content.</summary>
    public void TakeChunk(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var end = bytes.IndexOf(Lf);
            var line = end < 0 ? bytes : bytes[..(end + 1)];
            Add(line);
            bytes = bytes[line.Length..];
        }
    }

    private void Add(ReadOnlySpan<byte> line)
    {
        var isEnded = line[^1] == Lf;
        var isGood = isEnded && (line.Length > 1 ? line[^2] : _last) == Cr;
        _hasBareLf |= isEnded && !isGood;
        _isLineStart = isGood;
        _last = line[^1];
        Size += line.Length;
        if (IsTooLarge)
        {
            // The kept part of a too large message is not needed.
            _message.ResetWrittenCount();
            return;
        }

        _message.Write(line);
    }

    // CR . CR, CR . LF: the line end before the dot is a CR alone.
    private bool DotBesideCr()
    {
        var message = _message.WrittenSpan;
        return message.IndexOf("\r.\r"u8) >= 0 || message.IndexOf("\r.\n"u8) >= 0;
    }
}

using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Mime;

/// <summary>The number of fields and octets of a header.</summary>
internal struct HeaderSize
{
    public int Fields;
    public int Bytes;

    /// <summary>Whether the size exceeds the limit for a message and its parts together.</summary>
    public readonly bool Exceeds(RewriteLimits limits) =>
        Fields > limits.MaxHeaderFields || Bytes > limits.MaxHeaderBytes;

    /// <summary>Counts a field.</summary>
    public void Add(in HeaderField field)
    {
        Fields++;
        Bytes += field.End - field.Start;
    }
}

/// <summary>The header fields of a message or part that describe its content (RFC 2045), and the header's
/// end.</summary>
internal struct EntityHeader
{
    /// <summary>The header's start.</summary>
    public int Start;

    /// <summary>The content's start.</summary>
    public int BodyStart;

    /// <summary>The header's size.</summary>
    public HeaderSize Size;

    /// <summary>The value of <c>Content-Type</c>.</summary>
    public ByteRange Type;

    /// <summary>The value of <c>Content-Transfer-Encoding</c>.</summary>
    public ByteRange Encoding;

    /// <summary>The value of <c>Content-Disposition</c>.</summary>
    public ByteRange Disposition;

    /// <summary>Whether a field states the content's length or checksum in an unknown form.</summary>
    public bool HasOddSum;

    /// <summary>Why the content cannot be read; <see langword="null"/> when it can.</summary>
    public Untouched? Reason;

    /// <summary>A header whose fields have not been read yet.</summary>
    public static EntityHeader At(int start) =>
        new() { Start = start, Type = ByteRange.None, Encoding = ByteRange.None, Disposition = ByteRange.None };

    /// <summary>Processes a field.</summary>
    /// <param name="message">The message.</param>
    /// <param name="header">The reader of the header, at the field.</param>
    /// <param name="sums">Receives the field if it describes the content's bytes.</param>
    /// <returns>Whether the field describes the content.</returns>
    public bool See(ReadOnlySpan<byte> message, in HeaderReader header, List<ContentSum> sums)
    {
        // Few fields of mail begin with these letters.
        if ((message[header.Field.Start] | 0x20) is not ('c' or 'l'))
        {
            return false;
        }

        if (header.Is("Content-Type"u8))
        {
            Take(ref Type, header.Field);
        }
        else if (header.Is("Content-Transfer-Encoding"u8))
        {
            Take(ref Encoding, header.Field);
        }
        else if (header.Is("Content-Disposition"u8))
        {
            Take(ref Disposition, header.Field);
        }
        else if (ContentSum.KindOf(header) is { } kind)
        {
            if (ContentSum.TryRead(message, header.Field, kind, out var sum))
            {
                sums.Add(sum);
            }
            else
            {
                HasOddSum = true;
            }
        }
        else
        {
            return false;
        }

        return true;
    }

    /// <summary>Processes the header's end.</summary>
    /// <param name="header">The reader, behind all fields.</param>
    /// <param name="step">The reader's last step.</param>
    public void End(in HeaderReader header, HeaderStep step)
    {
        BodyStart = header.Position;
        Reason ??= step == HeaderStep.Malformed ? Untouched.MalformedHeader
            : header.HasEnd ? null
            : Untouched.NoBody;
    }

    /// <summary>Processes the end of a part inside its header.</summary>
    public void CutAt(int position)
    {
        BodyStart = position;
        Reason ??= Untouched.NoBody;
    }

    private void Take(ref ByteRange value, in HeaderField field)
    {
        // Readers differ in which of two equal fields they use.
        Reason = value.IsGiven ? Untouched.DuplicateHeader : Reason;
        value = new ByteRange(field.ValueStart, field.ValueEnd - field.ValueStart);
    }
}

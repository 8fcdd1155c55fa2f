using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Mime;

/// <summary>How many fields and octets a header has.</summary>
internal struct HeaderSize
{
    public int Fields;
    public int Bytes;

    /// <summary>Whether it is more than a message and its parts may have together.</summary>
    public readonly bool Exceeds(RewriteLimits limits) =>
        Fields > limits.MaxHeaderFields || Bytes > limits.MaxHeaderBytes;

    /// <summary>Counts a field.</summary>
    public void Add(in HeaderField field)
    {
        Fields++;
        Bytes += field.End - field.Start;
    }
}

/// <summary>What the header of a message or part says of the content behind it (RFC 2045): the fields that describe
/// the content, and where the header ends.</summary>
internal struct EntityHeader
{
    /// <summary>Where it starts.</summary>
    public int Start;

    /// <summary>Where the content starts.</summary>
    public int BodyStart;

    /// <summary>How large it is.</summary>
    public HeaderSize Size;

    /// <summary>The value of <c>Content-Type</c>.</summary>
    public ByteRange Type;

    /// <summary>The value of <c>Content-Transfer-Encoding</c>.</summary>
    public ByteRange Encoding;

    /// <summary>The value of <c>Content-Disposition</c>.</summary>
    public ByteRange Disposition;

    /// <summary>Whether a field states the content's length or checksum in a form that is not understood.</summary>
    public bool HasOddSum;

    /// <summary>Why the content cannot be read, whatever it is; <see langword="null"/> when it can.</summary>
    public Untouched? Reason;

    /// <summary>A header of which nothing has been read.</summary>
    public static EntityHeader At(int start) =>
        new() { Start = start, Type = ByteRange.None, Encoding = ByteRange.None, Disposition = ByteRange.None };

    /// <summary>Sees a field.</summary>
    /// <param name="message">The message.</param>
    /// <param name="header">Has read the field.</param>
    /// <param name="sums">Receives the field if it states something about the content's bytes.</param>
    /// <returns>Whether it describes the content.</returns>
    public bool See(ReadOnlySpan<byte> message, in HeaderReader header, List<ContentSum> sums)
    {
        // Of all the fields of mail, few begin like those.
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

    /// <summary>Sees how the header ends.</summary>
    /// <param name="header">Has read all of its fields.</param>
    /// <param name="step">What it came to then.</param>
    public void End(in HeaderReader header, HeaderStep step)
    {
        BodyStart = header.Position;
        Reason ??= step == HeaderStep.Malformed ? Untouched.MalformedHeader
            : header.HasEnd ? null
            : Untouched.NoBody;
    }

    /// <summary>Sees that the part ends inside its header.</summary>
    public void CutAt(int position)
    {
        BodyStart = position;
        Reason ??= Untouched.NoBody;
    }

    private void Take(ref ByteRange value, in HeaderField field)
    {
        // Readers differ in which of two fields they believe.
        Reason = value.IsGiven ? Untouched.DuplicateHeader : Reason;
        value = new ByteRange(field.ValueStart, field.ValueEnd - field.ValueStart);
    }
}

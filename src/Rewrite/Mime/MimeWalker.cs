using System.Runtime.InteropServices;
using System.Text;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Mime;

/// <summary>
/// Finds the parts of a message (RFC 2046 5.1) in one pass over its bytes, without recursion. A stack of limited depth
/// holds the boundaries, and every line that begins with two hyphens is compared with the stack. A signed, encrypted or
/// enclosed message is one part, whatever it contains.
/// </summary>
internal sealed class MimeWalker : IDisposable
{
    private readonly List<(byte[] Boundary, int Alternative)> _boundaries = [];
    private readonly ByteBuffer _scratch = new();
    private readonly RewriteLimits _limits;
    private readonly List<ContentSum> _sums;
    private int _alternatives;
    private HeaderSize _headers;

    private MimeWalker(RewriteLimits limits, List<ContentSum> sums)
    {
        _limits = limits;
        _sums = sums;
    }

    /// <summary>Lists the parts in their order.</summary>
    /// <param name="message">The message.</param>
    /// <param name="header">The message's own header.</param>
    /// <param name="limits">The limits.</param>
    /// <param name="parts">Receives the parts that contain no other parts.</param>
    /// <param name="sums">Contains the fields of the message's header that describe its content. Receives those of the
    /// parts' headers. Afterwards it has only those of text parts and of the whole message.</param>
    /// <returns>Why the message as a whole cannot be read, or <see langword="null"/>.</returns>
    public static Untouched? Walk(
        ReadOnlySpan<byte> message,
        in EntityHeader header,
        RewriteLimits limits,
        List<MimePart> parts,
        List<ContentSum> sums)
    {
        using var walker = new MimeWalker(limits, sums);
        return walker.Walk(message, header, parts);
    }

    /// <inheritdoc/>
    public void Dispose() => _scratch.Dispose();

    private Untouched? Walk(ReadOnlySpan<byte> message, EntityHeader header, List<MimePart> parts)
    {
        var start = header.Start;
        var firstSum = 0;
        _headers = header.Size;
        while (true)
        {
            // Each round reads one entity: its header, and then either a new boundary or a part without parts of its
            // own.
            if (_headers.Exceeds(_limits))
            {
                return Untouched.HeaderTooLarge;
            }

            var isMessage = header.Start == start;
            var part = ReadPart(message, header, out var boundary);
            var from = part.BodyStart;
            if (boundary is not null)
            {
                KeepSums(firstSum, isMessage, part.BodyStart, message.Length, TransferEncoding.Binary);
                if (_boundaries.Count == _limits.MaxDepth)
                {
                    return Untouched.TooDeep;
                }

                _boundaries.Add((boundary, part.Alternative));
            }

            var isLeaf = boundary is null;
            while (true)
            {
                var found = FindDelimiter(
                    message, from, out var lineStart, out var lineEnd, out var level, out var closes);
                if (isLeaf)
                {
                    part.BodyEnd = found ? BeforeLineBreak(message, lineStart, part.BodyStart) : message.Length;
                    if (parts.Count == _limits.MaxParts)
                    {
                        return Untouched.TooManyParts;
                    }

                    parts.Add(part);
                    KeepSums(firstSum, part.Kind != PartKind.Other, part.BodyStart, part.BodyEnd, part.Encoding);
                    isLeaf = false;
                }

                if (!found)
                {
                    return null;
                }

                // An outer delimiter ends every part inside it, even without the inner part's own end.
                _boundaries.RemoveRange(level + 1, _boundaries.Count - level - 1);
                from = lineEnd;
                if (!closes)
                {
                    firstSum = _sums.Count;
                    header = ReadHeader(message, lineEnd);
                    break;
                }

                _boundaries.RemoveAt(level);
            }
        }
    }

    // Of the multiparts only the outermost, the message, has a length that describes it. RFC 1864 has no checksum of a
    // multipart.
    private void KeepSums(int first, bool keep, int bodyStart, int bodyEnd, TransferEncoding encoding)
    {
        if (!keep)
        {
            _sums.RemoveRange(first, _sums.Count - first);
        }

        foreach (ref var sum in CollectionsMarshal.AsSpan(_sums)[first..])
        {
            (sum.BodyStart, sum.BodyEnd, sum.Encoding) = (bodyStart, bodyEnd, encoding);
        }
    }

    private bool FindDelimiter(
        ReadOnlySpan<byte> message, int from, out int lineStart, out int lineEnd, out int level, out bool closes)
    {
        lineStart = lineEnd = level = 0;
        closes = false;
        if (_boundaries.Count == 0)
        {
            return false;
        }

        // "from" is always the start of a line, so the line there counts too.
        if (IsDelimiter(message, from, out lineEnd, out level, out closes))
        {
            lineStart = from;
            return true;
        }

        while (true)
        {
            var offset = message[from..].IndexOf("\n--"u8);
            if (offset < 0)
            {
                return false;
            }

            lineStart = from + offset + 1;
            if (IsDelimiter(message, lineStart, out lineEnd, out level, out closes))
            {
                return true;
            }

            from = lineStart;
        }
    }

    private bool IsDelimiter(
        ReadOnlySpan<byte> message, int lineStart, out int lineEnd, out int level, out bool closes)
    {
        lineEnd = 0;
        closes = false;
        level = -1;
        var line = message[lineStart..];
        if (!line.StartsWith("--"u8))
        {
            return false;
        }

        line = line[2..];
        for (level = _boundaries.Count - 1; level >= 0; level--)
        {
            var boundary = _boundaries[level].Boundary;
            if (!line.StartsWith(boundary))
            {
                continue;
            }

            // Only white space may follow: "--abc" is not a delimiter of "ab".
            var rest = line[boundary.Length..];
            closes = rest.StartsWith("--"u8);
            if (closes)
            {
                rest = rest[2..];
            }

            var blank = rest.IndexOfAnyExcept(" \t\r"u8);
            if (blank < 0 || rest[blank] == '\n')
            {
                lineEnd = message.Length - (blank < 0 ? 0 : rest.Length - blank - 1);
                return true;
            }
        }

        return false;
    }

    // Reads to the header's end, or to the place where all headers together become too large.
    private EntityHeader ReadHeader(ReadOnlySpan<byte> message, int start)
    {
        var entity = EntityHeader.At(start);
        var header = new HeaderReader(message, start);
        while (!IsDelimiter(message, header.Position, out _, out _, out _))
        {
            var step = header.Read();
            if (step != HeaderStep.Field)
            {
                entity.End(header, step);
                return entity;
            }

            _headers.Add(header.Field);
            if (_headers.Exceeds(_limits))
            {
                return entity;
            }

            entity.See(message, header, _sums);
        }

        entity.CutAt(header.Position);
        return entity;
    }

    private MimePart ReadPart(ReadOnlySpan<byte> message, in EntityHeader header, out byte[]? boundary)
    {
        var part = new MimePart
        {
            HeaderStart = header.Start,
            BodyStart = header.BodyStart,
            Alternative = _boundaries.Count > 0 ? _boundaries[^1].Alternative : 0,
            Reason = header.Reason,
        };
        boundary = null;
        if (part.Reason is not null)
        {
            return part;
        }

        var type = Value(message, header.Type);
        part.Encoding = ReadEncoding(Value(message, header.Encoding));
        ReadType(type, header.Type.IsGiven, ref part, ref boundary);
        if (part.Reason is null && part.Kind != PartKind.Other)
        {
            ReadDisposition(type, Value(message, header.Disposition), ref part);
            part.Reason ??= header.HasOddSum ? Untouched.ContentSums : null;
        }

        return part;
    }

    private static ReadOnlySpan<byte> Value(ReadOnlySpan<byte> message, ByteRange field) =>
        field.IsGiven ? field.In(message) : default;

    private TransferEncoding ReadEncoding(ReadOnlySpan<byte> field)
    {
        _scratch.Truncate();
        StructuredValue.ReadFirst(field, _scratch);
        var name = _scratch.Span;
        return name.IsEmpty || Is("7bit"u8, name) || Is("8bit"u8, name) ? TransferEncoding.Lines
            : Is("quoted-printable"u8, name) ? TransferEncoding.QuotedPrintable
            : Is("base64"u8, name) ? TransferEncoding.Base64
            : Is("binary"u8, name) ? TransferEncoding.Binary
            : TransferEncoding.Unknown;
    }

    private void ReadType(ReadOnlySpan<byte> field, bool isGiven, ref MimePart part, ref byte[]? boundary)
    {
        _scratch.Truncate();
        StructuredValue.ReadFirst(field, _scratch);
        var name = _scratch.Span;
        if (!isGiven || Is("text/plain"u8, name))
        {
            part.Kind = PartKind.Plain;
        }
        else if (Is("text/html"u8, name))
        {
            part.Kind = PartKind.Html;
        }
        else if (Is("text/x-amp-html"u8, name))
        {
            part.Kind = PartKind.AmpHtml;
        }
        else if (name.Length > 10 && Is("multipart/"u8, name[..10]))
        {
            ReadMultipart(field, name[10..], ref part, ref boundary);
            return;
        }
        else
        {
            part.Reason = Is("application/pkcs7-mime"u8, name) || Is("application/x-pkcs7-mime"u8, name)
                ? (Parameter(field, "smime-type"u8, "signed-data"u8) ? Untouched.ContentSigned : Untouched.Encrypted)
                : name.Length > 8 && Is("message/"u8, name[..8]) ? Untouched.EnclosedMessage
                : name.Contains((byte)'/') ? Untouched.OtherType : Untouched.MalformedHeader;
            return;
        }

        _scratch.Truncate();
        StructuredValue.TryRead(field, "charset"u8, _scratch);
        part.Charset = MailCharset.Find(_scratch.Span);
        if (part.Kind == PartKind.Plain)
        {
            part.IsFlowed = Parameter(field, "format"u8, "flowed"u8);
            part.DeletesSpace = part.IsFlowed && Parameter(field, "delsp"u8, "yes"u8);
        }
    }

    private void ReadMultipart(
        ReadOnlySpan<byte> field, ReadOnlySpan<byte> subtype, ref MimePart part, ref byte[]? boundary)
    {
        part.Reason = Is("signed"u8, subtype) ? Untouched.ContentSigned
            : Is("encrypted"u8, subtype) ? Untouched.Encrypted
            : Is("digest"u8, subtype) || Is("report"u8, subtype) ? Untouched.EnclosedMessage
            : part.Encoding is TransferEncoding.Lines or TransferEncoding.Binary ? null : Untouched.EncodedMultipart;
        if (part.Reason is not null)
        {
            return;
        }

        if (part.Alternative == 0 && Is("alternative"u8, subtype))
        {
            part.Alternative = ++_alternatives;
        }

        _scratch.Truncate();
        if (StructuredValue.TryRead(field, "boundary"u8, _scratch) && _scratch.Length > 0)
        {
            boundary = _scratch.Span.TrimEnd(" \t"u8).ToArray();
        }
        else
        {
            part.Reason = Untouched.NoBoundary;
        }
    }

    private void ReadDisposition(ReadOnlySpan<byte> type, ReadOnlySpan<byte> disposition, ref MimePart part)
    {
        _scratch.Truncate();
        StructuredValue.ReadFirst(disposition, _scratch);
        if (Is("attachment"u8, _scratch.Span)
            || StructuredValue.Has(disposition, "filename"u8)
            || StructuredValue.Has(type, "name"u8))
        {
            part.Reason = Untouched.Attachment;
        }
    }

    private bool Parameter(ReadOnlySpan<byte> field, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        _scratch.Truncate();
        return StructuredValue.TryRead(field, name, _scratch) && Is(value, _scratch.Span);
    }

    private static bool Is(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual) =>
        Ascii.EqualsIgnoreCase(expected, actual);

    // The line break before a delimiter belongs to the delimiter.
    private static int BeforeLineBreak(ReadOnlySpan<byte> message, int lineStart, int bodyStart)
    {
        var end = lineStart;
        if (end > bodyStart && message[end - 1] == '\n')
        {
            end--;
            if (end > bodyStart && message[end - 1] == '\r')
            {
                end--;
            }
        }

        return end;
    }
}

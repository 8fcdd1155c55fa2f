using System.Buffers;

namespace Tracking.Rewrite.Mime;

/// <summary>The kinds of header fields that describe the bytes of a content.</summary>
internal enum ContentSumKind : byte
{
    /// <summary><c>Content-MD5</c> (RFC 1864), a checksum of the decoded content.</summary>
    Md5,

    /// <summary><c>Content-Length</c>, the octets of the body in transfer encoding.</summary>
    Length,

    /// <summary><c>Lines</c>, the lines of the body in transfer encoding.</summary>
    Lines,
}

/// <summary>A header field that changes with the content it describes.</summary>
internal struct ContentSum
{
    private static readonly SearchValues<byte> _notInWord = SearchValues.Create(" \t\r\n();,"u8);

    public ContentSumKind Kind;

    /// <summary>The start of the number or checksum, without white space.</summary>
    public int ValueStart;

    /// <summary>The end of the number or checksum.</summary>
    public int ValueEnd;

    public int BodyStart;
    public int BodyEnd;
    public TransferEncoding Encoding;

    /// <summary>The kind of field that a name means.</summary>
    public static ContentSumKind? KindOf(in HeaderReader header) =>
        header.Is("Content-MD5"u8) ? ContentSumKind.Md5
        : header.Is("Content-Length"u8) ? ContentSumKind.Length
        : header.Is("Lines"u8) ? ContentSumKind.Lines
        : null;

    /// <summary>Finds the value in a field.</summary>
    /// <returns>Whether the value has the expected form: one word and white space.</returns>
    public static bool TryRead(
        ReadOnlySpan<byte> message, in HeaderField field, ContentSumKind kind, out ContentSum sum)
    {
        var value = message[field.ValueStart..field.ValueEnd];
        var word = value.Trim(" \t\r\n"u8);
        var start = field.ValueStart + value.Length - value.TrimStart(" \t\r\n"u8).Length;
        sum = new ContentSum { Kind = kind, ValueStart = start, ValueEnd = start + word.Length };
        return !word.IsEmpty && !word.ContainsAny(_notInWord);
    }
}

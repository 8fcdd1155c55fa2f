using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Mime;

/// <summary>How a part's content is encoded for transfer (RFC 2045 6).</summary>
internal enum TransferEncoding : byte
{
    /// <summary>7bit and 8bit: lines without encoding.</summary>
    Lines,

    /// <summary>binary: bytes without lines.</summary>
    Binary,

    QuotedPrintable,
    Base64,

    /// <summary>Something else.</summary>
    Unknown,
}

/// <summary>What kind of content a part has.</summary>
internal enum PartKind : byte
{
    /// <summary>Content that is not rewritten.</summary>
    Other,
    Html,
    AmpHtml,
    Plain,
}

/// <summary>A part that contains no other parts, as ranges in the message.</summary>
internal struct MimePart
{
    public int HeaderStart;
    public int BodyStart;
    public int BodyEnd;
    public PartKind Kind;
    public TransferEncoding Encoding;

    /// <summary>The charset; <see langword="null"/> when it is not supported.</summary>
    public MailCharset? Charset;

    /// <summary>RFC 3676.</summary>
    public bool IsFlowed;

    /// <summary>RFC 3676.</summary>
    public bool DeletesSpace;

    /// <summary>The number, from 1, of the part's outermost <c>multipart/alternative</c>; 0 without one.</summary>
    public int Alternative;

    /// <summary>Why the part is left unchanged; <see langword="null"/> for a part that may be rewritten.</summary>
    public Untouched? Reason;
}

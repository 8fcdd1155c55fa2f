using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Mime;

/// <summary>How a part's content is encoded for transfer (RFC 2045 6).</summary>
internal enum TransferEncoding : byte
{
    /// <summary>7bit and 8bit: lines, as they are.</summary>
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
    /// <summary>Nothing that is rewritten.</summary>
    Other,
    Html,
    AmpHtml,
    Plain,
}

/// <summary>A part without parts of its own, as ranges in the message.</summary>
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

    /// <summary>Which outermost <c>multipart/alternative</c> it is in, from 1; 0 when it is in none.</summary>
    public int Alternative;

    /// <summary>Why the part is left as it is; <see langword="null"/> when it is a candidate.</summary>
    public Untouched? Reason;
}

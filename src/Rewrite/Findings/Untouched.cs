

namespace Tracking.Rewrite.Findings;

/// <summary>Why a message or a part went out as it came.</summary>
public enum Untouched
{
    /// <summary>Neither clicks nor opens are tracked.</summary>
    TrackingOff,

    /// <summary>No tracking host to put into links.</summary>
    NoTrackingHost,

    /// <summary>No part is HTML or plain text.</summary>
    NoHtmlOrText,

    /// <summary>Parts that could be rewritten, but no link to wrap and no pixel to add.</summary>
    NothingToTrack,

    /// <summary>A DKIM or ARC signature covers the body.</summary>
    DkimSigned,

    /// <summary>S/MIME or OpenPGP signature.</summary>
    ContentSigned,

    /// <summary>S/MIME or OpenPGP encryption.</summary>
    Encrypted,

    /// <summary>An attachment, or an inline part with a file name.</summary>
    Attachment,

    /// <summary>A message in the message: forwarded, digest or report.</summary>
    EnclosedMessage,

    /// <summary>A content type that has no links to wrap.</summary>
    OtherType,

    /// <summary>A multipart without a boundary.</summary>
    NoBoundary,

    /// <summary>A multipart under an encoding, which RFC 2045 forbids.</summary>
    EncodedMultipart,

    /// <summary>A line in the header that is no field.</summary>
    MalformedHeader,

    /// <summary>A header, and no empty line behind it.</summary>
    NoBody,

    /// <summary>Two header fields that must be one.</summary>
    DuplicateHeader,

    /// <summary>More header than <see cref="RewriteLimits"/> allows.</summary>
    HeaderTooLarge,

    /// <summary>Multiparts nested deeper than <see cref="RewriteLimits.MaxDepth"/>.</summary>
    TooDeep,

    /// <summary>More parts than <see cref="RewriteLimits.MaxParts"/>.</summary>
    TooManyParts,

    /// <summary>A header field states the content's length or checksum in a form that is not understood.</summary>
    ContentSums,

    /// <summary>A transfer encoding nobody registered.</summary>
    UnknownEncoding,

    /// <summary>A body that is not in the encoding it claims.</summary>
    InvalidEncoding,

    /// <summary>A charset that is unknown, or UTF-16 of unknown byte order or sent as lines.</summary>
    Charset,

    /// <summary>Content that is not in its charset, or could not be changed in it with certainty.</summary>
    InvalidCharset,

    /// <summary>More text in such a charset than <see cref="RewriteLimits.MaxDecodedBytes"/>.</summary>
    TooLargeToDecode,

    /// <summary>The HTML ends inside a tag, comment or raw text.</summary>
    UnterminatedMarkup,

    /// <summary>A tag with too many attributes.</summary>
    TooManyAttributes,

    /// <summary>SVG or MathML that can be read in two ways.</summary>
    ForeignContent,

    /// <summary>A style sheet, a drawing or the like inside a <c>select</c>, behind a <c>frameset</c> or in the columns
    /// of a <c>template</c>, where parsers differ about what is text.</summary>
    RawText,

    /// <summary>A fault in the rewriter; <c>RewritePlan.Failure</c> says which.</summary>
    InternalFault,

    /// <summary>Nobody's: no header, sending domain or default names a cluster that exists.</summary>
    NoCluster,

    /// <summary>Its links could not be registered while it was held.</summary>
    StoreUnavailable,

    /// <summary>Its id, and the hash that stands in for an id, are both taken by other messages.</summary>
    IdTaken,

    /// <summary>The body says that it is JSON, and is not.</summary>
    MalformedJson,

    /// <summary>JSON without a string <c>mime</c>, as with a <c>key</c> in its place.</summary>
    NoMime,

    /// <summary>JSON with <c>mime</c> more than once.</summary>
    SeveralMimes,

    /// <summary>The body says that it is compressed by gzip, and is not.</summary>
    MalformedGzip,

    /// <summary>A content encoding other than gzip.</summary>
    UnknownContentEncoding,

    /// <summary>Larger than <c>Tracking__Rewrite__MaxMessageBytes</c>, decompressed if need be; or a JSON body larger
    /// than <c>Tracking__Rewrite__Queue__MaxBodyBytes</c>.</summary>
    TooLarge,

    /// <summary>The broker takes the message, but not the rewritten one: it is too large.</summary>
    OutputTooLarge,

    /// <summary>The rewritten message is not UTF-8, which JSON requires.</summary>
    OutputNotUtf8,

    /// <summary>A header that cannot be used; its name follows.</summary>
    InvalidHeader,
}

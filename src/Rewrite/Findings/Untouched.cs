

namespace Tracking.Rewrite.Findings;

/// <summary>Why a message or a part left unchanged.</summary>
public enum Untouched
{
    /// <summary>Neither clicks nor opens are tracked.</summary>
    TrackingOff,

    /// <summary>There is no tracking host for links.</summary>
    NoTrackingHost,

    /// <summary>No part is HTML or plain text.</summary>
    NoHtmlOrText,

    /// <summary>The message has parts that can be rewritten, but no link to wrap and no pixel to add.</summary>
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

    /// <summary>A line in the header is not a field.</summary>
    MalformedHeader,

    /// <summary>A header without an empty line behind it.</summary>
    NoBody,

    /// <summary>A header field that may occur only once occurs twice.</summary>
    DuplicateHeader,

    /// <summary>The header is larger than <see cref="RewriteLimits"/> allows.</summary>
    HeaderTooLarge,

    /// <summary>Multiparts nested deeper than <see cref="RewriteLimits.MaxDepth"/>.</summary>
    TooDeep,

    /// <summary>More parts than <see cref="RewriteLimits.MaxParts"/>.</summary>
    TooManyParts,

    /// <summary>A header field states the content's length or checksum in an unknown form.</summary>
    ContentSums,

    /// <summary>A transfer encoding that is not registered.</summary>
    UnknownEncoding,

    /// <summary>A body that is not in the encoding it claims.</summary>
    InvalidEncoding,

    /// <summary>An unknown charset, UTF-16 of unknown byte order, or UTF-16 that was sent as lines.</summary>
    Charset,

    /// <summary>Content that is not valid in its charset, or that cannot be changed in it with certainty.</summary>
    InvalidCharset,

    /// <summary>The part's charset must be decoded, and the part is larger than
    /// <see cref="RewriteLimits.MaxDecodedBytes"/>.</summary>
    TooLargeToDecode,

    /// <summary>The HTML ends inside a tag, comment or raw text.</summary>
    UnterminatedMarkup,

    /// <summary>A tag with too many attributes.</summary>
    TooManyAttributes,

    /// <summary>SVG or MathML that parsers can read in two ways.</summary>
    ForeignContent,

    /// <summary>A style sheet, a drawing or the like inside a <c>select</c>, behind a <c>frameset</c> or in the columns
    /// of a <c>template</c>, where parsers differ about what is text.</summary>
    RawText,

    /// <summary>A fault in the rewriter; <c>RewritePlan.Failure</c> says which.</summary>
    InternalFault,

    /// <summary>The message belongs to no cluster: no header, sending domain or default names an existing
    /// one.</summary>
    NoCluster,

    /// <summary>The message's links could not be registered while the message was held.</summary>
    StoreUnavailable,

    /// <summary>Other messages have taken both the message's id and the hash that replaces an id.</summary>
    IdTaken,

    /// <summary>The body is declared as JSON, but is not JSON.</summary>
    MalformedJson,

    /// <summary>A JSON object without a string <c>mime</c>, for example with <c>key</c> instead.</summary>
    NoMime,

    /// <summary>A JSON object with more than one <c>mime</c>.</summary>
    SeveralMimes,

    /// <summary>The body is declared as gzip, but is not gzip.</summary>
    MalformedGzip,

    /// <summary>A content encoding other than gzip.</summary>
    UnknownContentEncoding,

    /// <summary>The message, decompressed if necessary, is larger than <c>Tracking__Rewrite__MaxMessageBytes</c>; or a
    /// JSON body is larger than <c>Tracking__Rewrite__Queue__MaxBodyBytes</c>.</summary>
    TooLarge,

    /// <summary>The broker accepted the original message, but the rewritten one is too large for it.</summary>
    OutputTooLarge,

    /// <summary>The rewritten message is not UTF-8, which JSON requires.</summary>
    OutputNotUtf8,

    /// <summary>A header has an invalid value; the header's name follows.</summary>
    InvalidHeader,
}

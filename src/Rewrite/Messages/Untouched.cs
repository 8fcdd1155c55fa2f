namespace Tracking.Rewrite.Messages;

/// <summary>Why a message or a part went out as it came.</summary>
public static class Untouched
{
    /// <summary>Neither clicks nor opens are tracked.</summary>
    public const string TrackingOff = "tracking off";

    /// <summary>No tracking host to put into links.</summary>
    public const string NoTrackingHost = "no tracking host";

    /// <summary>No part is HTML or plain text.</summary>
    public const string NoHtmlOrText = "no html or text";

    /// <summary>Parts that could be rewritten, but no link to wrap and no pixel to add.</summary>
    public const string NothingToTrack = "nothing to track";

    /// <summary>A DKIM or ARC signature covers the body.</summary>
    public const string DkimSigned = "dkim-signed";

    /// <summary>S/MIME or OpenPGP signature.</summary>
    public const string ContentSigned = "signed";

    /// <summary>S/MIME or OpenPGP encryption.</summary>
    public const string Encrypted = "encrypted";

    /// <summary>An attachment, or an inline part with a file name.</summary>
    public const string Attachment = "attachment";

    /// <summary>A message in the message: forwarded, digest or report.</summary>
    public const string EnclosedMessage = "enclosed message";

    /// <summary>A content type that has no links to wrap.</summary>
    public const string OtherType = "other type";

    /// <summary>A multipart without a boundary.</summary>
    public const string NoBoundary = "no boundary";

    /// <summary>A multipart under an encoding, which RFC 2045 forbids.</summary>
    public const string EncodedMultipart = "encoded multipart";

    /// <summary>A line in the header that is no field.</summary>
    public const string MalformedHeader = "malformed header";

    /// <summary>A header, and no empty line behind it.</summary>
    public const string NoBody = "no body";

    /// <summary>Two header fields that must be one.</summary>
    public const string DuplicateHeader = "duplicate header";

    /// <summary>More header than <see cref="RewriteLimits"/> allows.</summary>
    public const string HeaderTooLarge = "header too large";

    /// <summary>Multiparts nested deeper than <see cref="RewriteLimits.MaxDepth"/>.</summary>
    public const string TooDeep = "nested too deeply";

    /// <summary>More parts than <see cref="RewriteLimits.MaxParts"/>.</summary>
    public const string TooManyParts = "too many parts";

    /// <summary>A header field states the content's length or checksum in a form that is not understood.</summary>
    public const string ContentSums = "content length or checksum in the header";

    /// <summary>A transfer encoding nobody registered.</summary>
    public const string UnknownEncoding = "unknown transfer encoding";

    /// <summary>A body that is not in the encoding it claims.</summary>
    public const string InvalidEncoding = "invalid transfer encoding";

    /// <summary>A charset that is unknown, or UTF-16 of unknown byte order or sent as lines.</summary>
    public const string Charset = "charset not supported";

    /// <summary>Content that is not in its charset, or could not be changed in it with certainty.</summary>
    public const string InvalidCharset = "content not in its charset";

    /// <summary>More text in such a charset than <see cref="RewriteLimits.MaxDecodedBytes"/>.</summary>
    public const string TooLargeToDecode = "too large to decode";

    /// <summary>The HTML ends inside a tag, comment or raw text.</summary>
    public const string UnterminatedMarkup = "unterminated markup";

    /// <summary>A tag with too many attributes.</summary>
    public const string TooManyAttributes = "too many attributes";

    /// <summary>SVG or MathML that can be read in two ways.</summary>
    public const string ForeignContent = "ambiguous foreign content";

    /// <summary>A fault in the rewriter; <see cref="RewritePlan.Failure"/> says which.</summary>
    public const string InternalFault = "internal fault";
}

/// <summary>What was decided about a link: <see cref="Tracked"/>, or why it stays as it was.</summary>
public static class LinkDecision
{
    /// <summary>Wrapped.</summary>
    public const string Tracked = "tracked";

    /// <summary>Clicks are not tracked in this kind of part.</summary>
    public const string TrackingOff = "tracking off";

    /// <summary>Marked by the sender.</summary>
    public const string OptOut = "opt-out";

    /// <summary>Empty, or only a fragment.</summary>
    public const string Empty = "empty";

    /// <summary>Not http or https.</summary>
    public const string NotHttp = "not http";

    /// <summary>Relative, and no base to resolve it against.</summary>
    public const string Relative = "relative";

    /// <summary>No URL parser accepts it.</summary>
    public const string NotAUrl = "not a url";

    /// <summary>Longer than 8 KiB.</summary>
    public const string TooLong = "too long";

    /// <summary>In plain text, and nobody can tell where it ends.</summary>
    public const string Unclear = "unclear end";

    /// <summary>Leads to a tracking host already.</summary>
    public const string TrackingHost = "tracking host";

    /// <summary>Carries a token of ours already, or a link in it does.</summary>
    public const string AlreadyTracked = "already tracked";

    /// <summary>Its host is excluded.</summary>
    public const string Excluded = "excluded domain";

    /// <summary>The link that unsubscribes.</summary>
    public const string Unsubscribe = "unsubscribe";

    /// <summary>An https link, and the tracking host has only http.</summary>
    public const string HttpOnly = "tracking host has no https";

    /// <summary>Its visible text is a URL.</summary>
    public const string UrlText = "visible text is a url";

    /// <summary>The message has more links than ordinals.</summary>
    public const string TooManyLinks = "too many links";

    /// <summary>It could not be changed in the part's charset with certainty.</summary>
    public const string Charset = "content not in its charset";

    /// <summary>Its line would grow past 998 octets.</summary>
    public const string LineTooLong = "line too long";
}

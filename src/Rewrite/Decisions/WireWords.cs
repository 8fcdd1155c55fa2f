using System.Diagnostics.CodeAnalysis;
using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Decisions;

/// <summary>
/// The words that reports, headers and metrics use for the result of a message, a part or a link. This is their only
/// table; <c>docs/reasons.md</c> is tested against it. Words are lower case with hyphens. A word never changes its
/// meaning. A removed or renamed word raises <see cref="Version"/>.
/// </summary>
public static class WireWords
{
    /// <summary>The version of the words. 2: hyphens, where version 1 had blanks.</summary>
    public const int Version = 2;

    /// <summary>The word for a message that left with tracked links or a pixel.</summary>
    public const string Tracked = "tracked";

    /// <summary>The word for the reason why a message or a part left unchanged.</summary>
    public static string Of(Untouched reason) => reason switch
    {
        Untouched.TrackingOff => "tracking-off",
        Untouched.NoTrackingHost => "no-tracking-host",
        Untouched.NoHtmlOrText => "no-html-or-text",
        Untouched.NothingToTrack => "nothing-to-track",
        Untouched.DkimSigned => "dkim-signed",
        Untouched.ContentSigned => "signed",
        Untouched.Encrypted => "encrypted",
        Untouched.Attachment => "attachment",
        Untouched.EnclosedMessage => "enclosed-message",
        Untouched.OtherType => "other-type",
        Untouched.NoBoundary => "no-boundary",
        Untouched.EncodedMultipart => "encoded-multipart",
        Untouched.MalformedHeader => "malformed-header",
        Untouched.NoBody => "no-body",
        Untouched.DuplicateHeader => "duplicate-header",
        Untouched.HeaderTooLarge => "header-too-large",
        Untouched.TooDeep => "nested-too-deeply",
        Untouched.TooManyParts => "too-many-parts",
        Untouched.ContentSums => "content-length-or-checksum-in-the-header",
        Untouched.UnknownEncoding => "unknown-transfer-encoding",
        Untouched.InvalidEncoding => "invalid-transfer-encoding",
        Untouched.Charset => "charset-not-supported",
        Untouched.InvalidCharset => "content-not-in-its-charset",
        Untouched.TooLargeToDecode => "too-large-to-decode",
        Untouched.UnterminatedMarkup => "unterminated-markup",
        Untouched.TooManyAttributes => "too-many-attributes",
        Untouched.ForeignContent => "ambiguous-foreign-content",
        Untouched.RawText => "ambiguous-raw-text",
        Untouched.InternalFault => "internal-fault",
        Untouched.NoCluster => "no-cluster",
        Untouched.StoreUnavailable => "store-unavailable",
        Untouched.IdTaken => "message-id-taken",
        Untouched.MalformedJson => "malformed-json",
        Untouched.NoMime => "no-mime-string",
        Untouched.SeveralMimes => "several-mime-properties",
        Untouched.MalformedGzip => "malformed-gzip",
        Untouched.UnknownContentEncoding => "unknown-content-encoding",
        Untouched.TooLarge => "too-large",
        Untouched.OutputTooLarge => "output-too-large",
        Untouched.OutputNotUtf8 => "output-not-utf-8",
        Untouched.InvalidHeader => "invalid-header",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "The reason has no word."),
    };

    /// <summary>The word for the reason why a message or a part left unchanged, if there is a reason.</summary>
    [return: NotNullIfNotNull(nameof(reason))]
    public static string? Of(Untouched? reason) => reason is { } given ? Of(given) : null;

    /// <summary>The word for the decision about a link.</summary>
    public static string Of(LinkDecision decision) => decision switch
    {
        LinkDecision.Tracked => Tracked,
        LinkDecision.TrackingOff => "tracking-off",
        LinkDecision.OptOut => "opt-out",
        LinkDecision.Empty => "empty",
        LinkDecision.NotHttp => "not-http",
        LinkDecision.Relative => "relative",
        LinkDecision.NotAUrl => "not-a-url",
        LinkDecision.TooLong => "too-long",
        LinkDecision.Unclear => "unclear-end",
        LinkDecision.TrackingHost => "tracking-host",
        LinkDecision.AlreadyTracked => "already-tracked",
        LinkDecision.Excluded => "excluded-domain",
        LinkDecision.Unsubscribe => "unsubscribe",
        LinkDecision.HttpOnly => "tracking-host-has-no-https",
        LinkDecision.UrlText => "visible-text-is-a-url",
        LinkDecision.TooManyLinks => "too-many-links",
        LinkDecision.Charset => "content-not-in-its-charset",
        LinkDecision.LineTooLong => "line-too-long",
        _ => throw new ArgumentOutOfRangeException(nameof(decision), decision, "The decision has no word."),
    };

    /// <summary>The word for why a message's own header is not obeyed.</summary>
    public static string Of(HeaderIgnored why) => why switch
    {
        HeaderIgnored.NotJson => "not-json",
        HeaderIgnored.UnknownValue => "unknown-value",
        HeaderIgnored.TooLong => "too-long",
        _ => throw new ArgumentOutOfRangeException(nameof(why), why, "The reason has no word."),
    };

    /// <summary>The word for why a tracking host is not used.</summary>
    public static string Of(HostIgnored why) => why switch
    {
        HostIgnored.NotOfCluster => "not-a-tracking-domain-of-this-cluster",
        HostIgnored.Pending => "pending",
        HostIgnored.Retired => "retired",
        HostIgnored.NoCertificate => "no-certificate",
        _ => throw new ArgumentOutOfRangeException(nameof(why), why, "The reason has no word."),
    };

    /// <summary>The word for a warning of a preview.</summary>
    public static string Of(PreviewWarning warning) => warning switch
    {
        PreviewWarning.HtmlOver102400 => "html-over-102400",
        PreviewWarning.NoTextPart => "no-text-part",
        PreviewWarning.VisibleUrlLeadsElsewhere => "visible-url-leads-elsewhere",
        PreviewWarning.NoListUnsubscribe => "no-list-unsubscribe",
        PreviewWarning.LinksOverHttp => "links-over-http",
        _ => throw new ArgumentOutOfRangeException(nameof(warning), warning, "The warning has no word."),
    };
}

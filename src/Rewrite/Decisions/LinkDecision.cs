



namespace Tracking.Rewrite.Decisions;

/// <summary>The decision about a link: <see cref="Tracked"/>, or the reason why the link stays unchanged.</summary>
public enum LinkDecision
{
    /// <summary>Wrapped.</summary>
    Tracked,

    /// <summary>Clicks are not tracked in this kind of part.</summary>
    TrackingOff,

    /// <summary>The sender marked the link as not to be tracked.</summary>
    OptOut,

    /// <summary>Empty, or only a fragment.</summary>
    Empty,

    /// <summary>Not http or https.</summary>
    NotHttp,

    /// <summary>A relative URL without a base URL.</summary>
    Relative,

    /// <summary>No URL parser accepts it.</summary>
    NotAUrl,

    /// <summary>Longer than 8 KiB.</summary>
    TooLong,

    /// <summary>A URL in plain text whose end is uncertain.</summary>
    Unclear,

    /// <summary>The link leads to a tracking host already.</summary>
    TrackingHost,

    /// <summary>The URL, or a URL inside it, contains one of our tokens already.</summary>
    AlreadyTracked,

    /// <summary>Its host is excluded.</summary>
    Excluded,

    /// <summary>The link unsubscribes.</summary>
    Unsubscribe,

    /// <summary>An https link, while the tracking host has only http.</summary>
    HttpOnly,

    /// <summary>Its visible text is a URL.</summary>
    UrlText,

    /// <summary>The message has more links than a token can number.</summary>
    TooManyLinks,

    /// <summary>The link cannot be changed in the part's charset with certainty.</summary>
    Charset,

    /// <summary>The line would grow past 998 octets.</summary>
    LineTooLong,
}





namespace Tracking.Rewrite.Decisions;

/// <summary>What was decided about a link: <see cref="Tracked"/>, or why it stays as it was.</summary>
public enum LinkDecision
{
    /// <summary>Wrapped.</summary>
    Tracked,

    /// <summary>Clicks are not tracked in this kind of part.</summary>
    TrackingOff,

    /// <summary>Marked by the sender.</summary>
    OptOut,

    /// <summary>Empty, or only a fragment.</summary>
    Empty,

    /// <summary>Not http or https.</summary>
    NotHttp,

    /// <summary>Relative, and no base to resolve it against.</summary>
    Relative,

    /// <summary>No URL parser accepts it.</summary>
    NotAUrl,

    /// <summary>Longer than 8 KiB.</summary>
    TooLong,

    /// <summary>In plain text, and nobody can tell where it ends.</summary>
    Unclear,

    /// <summary>Leads to a tracking host already.</summary>
    TrackingHost,

    /// <summary>Carries a token of ours already, or a link in it does.</summary>
    AlreadyTracked,

    /// <summary>Its host is excluded.</summary>
    Excluded,

    /// <summary>The link that unsubscribes.</summary>
    Unsubscribe,

    /// <summary>An https link, and the tracking host has only http.</summary>
    HttpOnly,

    /// <summary>Its visible text is a URL.</summary>
    UrlText,

    /// <summary>The message has more links than ordinals.</summary>
    TooManyLinks,

    /// <summary>It could not be changed in the part's charset with certainty.</summary>
    Charset,

    /// <summary>Its line would grow past 998 octets.</summary>
    LineTooLong,
}

namespace Tracking.Rewrite.Decisions;

/// <summary>Facts about a message that its sender may want to change. <see cref="WireWords"/> has the words.</summary>
public enum PreviewWarning : byte
{
    /// <summary>The HTML is longer than 102,400 bytes after rewriting. Gmail cuts it there.</summary>
    HtmlOver102400,

    /// <summary>There is HTML and no plain text.</summary>
    NoTextPart,

    /// <summary>A tracked link shows a URL of another organisation than that of the tracking host.</summary>
    VisibleUrlLeadsElsewhere,

    /// <summary>There is no List-Unsubscribe header.</summary>
    NoListUnsubscribe,

    /// <summary>The tracking host has no https.</summary>
    LinksOverHttp,
}

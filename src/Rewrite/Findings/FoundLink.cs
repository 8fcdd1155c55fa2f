namespace Tracking.Rewrite.Findings;

/// <summary>Facts about a found link besides its place.</summary>
[Flags]
internal enum FoundFlags : byte
{
    None = 0,

    /// <summary>The value is an HTML attribute: it has character references and quotes.</summary>
    Html = 1,

    /// <summary>The source of an image, not a link to click.</summary>
    Image = 2,

    /// <summary>The sender marked the link as not to be tracked.</summary>
    OptOut = 4,

    /// <summary>The sender marked the link as the one that unsubscribes.</summary>
    Unsubscribe = 8,

    /// <summary><see cref="FoundLink.Text"/> was cut at the limit.</summary>
    TextIsCut = 16,

    /// <summary>The end of the URL in the text is uncertain.</summary>
    Unclear = 32,

    /// <summary>The sender marked the link as one to its own pages: its clicks do not count.</summary>
    System = 64,
}

/// <summary>A link in a part's decoded content. Ranges "in the buffer" refer to
/// <see cref="PartFindings.Buffer"/>.</summary>
internal struct FoundLink
{
    /// <summary>The start of the bytes to replace.</summary>
    public int Start;

    /// <summary>The end of the bytes to replace.</summary>
    public int End;

    /// <summary>The white space before the attribute that may become a line break; -1 for none.</summary>
    public int BreakAt;

    public FoundFlags Flags;

    /// <summary>The URL in the buffer; a start of -1 means that the replaced bytes are the URL.</summary>
    public ByteRange Url;

    /// <summary>The visible text as UTF-8, in the buffer.</summary>
    public ByteRange Text;

    /// <summary>The name that the message gives to the link, in the buffer.</summary>
    public ByteRange Name;

    public readonly bool Has(FoundFlags flag) => (Flags & flag) != 0;
}

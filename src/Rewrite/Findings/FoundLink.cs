namespace Tracking.Rewrite.Findings;

/// <summary>What a finder knows of a link besides its place.</summary>
[Flags]
internal enum FoundFlags : byte
{
    None = 0,

    /// <summary>The value stands in HTML: character references, quoting.</summary>
    Html = 1,

    /// <summary>An image's source, not a link.</summary>
    Image = 2,

    /// <summary>Marked as not to be tracked.</summary>
    OptOut = 4,

    /// <summary>Marked as the link that unsubscribes.</summary>
    Unsubscribe = 8,

    /// <summary><see cref="FoundLink.Text"/> was longer than what was kept of it.</summary>
    TextIsCut = 16,

    /// <summary>Nobody can tell where in the text it ends.</summary>
    Unclear = 32,
}

/// <summary>A link in a part's decoded content. Ranges named in a buffer are in the findings' own buffer.</summary>
internal struct FoundLink
{
    /// <summary>Where the bytes to replace start.</summary>
    public int Start;

    /// <summary>Where they end.</summary>
    public int End;

    /// <summary>White space before the attribute that may become a line break; -1 when there is none.</summary>
    public int BreakAt;

    public FoundFlags Flags;

    /// <summary>The URL in the buffer when it is not the replaced bytes themselves; -1 start otherwise.</summary>
    public ByteRange Url;

    /// <summary>The visible text as UTF-8, in the buffer.</summary>
    public ByteRange Text;

    /// <summary>The name that the message gives the link, in the buffer.</summary>
    public ByteRange Name;

    public readonly bool Has(FoundFlags flag) => (Flags & flag) != 0;
}

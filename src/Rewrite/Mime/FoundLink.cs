using Tracking.Rewrite.Html;

namespace Tracking.Rewrite.Mime;

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

/// <summary>What was found in one part.</summary>
internal sealed class PartFindings : IDisposable
{
    private Landmarks _landmarks = Landmarks.None;

    /// <summary>Links in document order.</summary>
    public PooledList<FoundLink> Links { get; } = new();

    /// <summary>Ranges of opt-out markers to remove, in document order.</summary>
    public List<(int Start, int End)> Removals { get; } = [];

    /// <summary>URLs and texts.</summary>
    public ByteBuffer Buffer { get; } = new();

    /// <summary>The visible text of the links that are open while the part is read.</summary>
    public ByteBuffer OpenText { get; } = new();

    /// <summary>The <c>href</c> of the first <c>base</c> that has one; -1 start when there is none.</summary>
    public (int Start, int End) BaseHref { get; set; }

    /// <summary>Places for the pixel.</summary>
    public ref Landmarks Landmarks => ref _landmarks;

    /// <summary>Whether the markup ends inside a link, SVG or MathML.</summary>
    public bool EndsInside { get; set; }

    /// <summary>Whether all that follows is text, whatever it looks like (<c>plaintext</c>).</summary>
    public bool EndsAsPlaintext { get; set; }

    /// <summary>Sources of all images whose last 40 characters have the form of a token: the pixel may be there
    /// already.</summary>
    public List<(int Start, int End)> PossiblePixels { get; } = [];

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Links.Truncate();
        Removals.Clear();
        Buffer.Truncate();
        OpenText.Truncate();
        BaseHref = (-1, -1);
        Landmarks = Landmarks.None;
        EndsInside = EndsAsPlaintext = false;
        PossiblePixels.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Links.Dispose();
        Buffer.Dispose();
        OpenText.Dispose();
    }
}

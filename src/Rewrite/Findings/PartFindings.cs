namespace Tracking.Rewrite.Findings;

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

    /// <summary>What is open in SVG and MathML while the part is read.</summary>
    public PooledList<OpenElement> OpenElements { get; } = new();

    /// <summary>The <c>href</c> of the first <c>base</c> that has one; -1 start when there is none.</summary>
    public (int Start, int End) BaseHref { get; set; }

    /// <summary>Places for the pixel.</summary>
    public ref Landmarks Landmarks => ref _landmarks;

    /// <summary>Whether what stands before the markup's end may decide how that which follows is read: an open link,
    /// SVG, MathML, and the other places that the reader of HTML follows.</summary>
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
        OpenElements.Truncate();
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
        OpenElements.Dispose();
    }
}

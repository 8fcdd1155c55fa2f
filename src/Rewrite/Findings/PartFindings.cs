namespace Tracking.Rewrite.Findings;

/// <summary>The findings in one part.</summary>
internal sealed class PartFindings : IDisposable
{
    private Landmarks _landmarks = Landmarks.None;

    /// <summary>Links in document order.</summary>
    public PooledList<FoundLink> Links { get; } = new();

    /// <summary>Ranges of opt-out markers to remove, in document order.</summary>
    public List<(int Start, int End)> Removals { get; } = [];

    /// <summary>URLs and texts.</summary>
    public ByteBuffer Buffer { get; } = new();

    /// <summary>The visible text of the links that are open while a finder reads the part.</summary>
    public ByteBuffer OpenText { get; } = new();

    /// <summary>The elements of SVG and MathML that are open while a finder reads the part.</summary>
    public PooledList<OpenElement> OpenElements { get; } = new();

    /// <summary>The <c>href</c> of the first <c>base</c> that has one; a start of -1 for none.</summary>
    public (int Start, int End) BaseHref { get; set; }

    /// <summary>Places for the pixel.</summary>
    public ref Landmarks Landmarks => ref _landmarks;

    /// <summary>Whether the following markup may be read differently because of this markup: a link, SVG, MathML or
    /// another place of <c>TreeConstruction</c> is still open at the end.</summary>
    public bool EndsInside { get; set; }

    /// <summary>Whether all following bytes are text, even if they look like tags (<c>plaintext</c>).</summary>
    public bool EndsAsPlaintext { get; set; }

    /// <summary>The sources of all images whose last 40 characters have the form of a token: one of them may be our
    /// pixel.</summary>
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

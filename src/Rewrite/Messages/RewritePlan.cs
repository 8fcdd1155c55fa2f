using System.Buffers;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// The changes of a message and the report about them. Nothing is signed yet: first the destinations get their ids,
/// then writing inserts the tokens and writes the message once. The plan holds pooled memory and the message until it
/// is disposed. The report is invalid after that.
/// </summary>
public sealed class RewritePlan : IDisposable
{
    private bool _disposed;

    internal RewritePlan(MessageHeader header, RewriteRequest request)
    {
        Header = header;
        Request = request;
        Report = new LinkReport(header.Message);
    }

    /// <summary>Every link found, in document order over the whole message.</summary>
    public IReadOnlyList<PlannedLink> Links => Report;

    /// <summary>The parts that contain no other parts, in their order.</summary>
    public IReadOnlyList<PlannedPart> Parts { get; internal set; } = [];

    /// <summary>The number of wrapped links; their ordinals run from 0.</summary>
    public int TrackedLinks => Report.Tracked;

    /// <summary>The number of added pixels: one in each HTML part.</summary>
    public int Pixels { get; internal set; }

    /// <summary>Whether the message gets a pixel.</summary>
    public bool HasPixel => Pixels > 0;

    /// <summary>Why no link is wrapped and no pixel is added; <see langword="null"/> when either happens. Control
    /// headers and opt-out markers are removed in any case.</summary>
    public Untouched? UntouchedReason { get; internal set; }

    /// <summary>Whether control headers stay because a DKIM signature names them.</summary>
    public bool KeepsSignedControlHeaders { get; internal set; }

    /// <summary>The fault behind <see cref="Untouched.InternalFault"/>, for the log.</summary>
    public Exception? Failure { get; internal set; }

    /// <summary>The approximate size of the output in octets, for allocation; the output hardly ever exceeds
    /// it.</summary>
    public int OutputSizeHint { get; internal set; }

    internal LinkReport Report { get; }

    internal MessageHeader Header { get; }

    internal RewriteRequest Request { get; }

    internal RewriteLimits Limits => Header.Limits;

    internal PooledList<Splice> Splices { get; } = new();

    internal List<Base64Part> Base64Parts { get; } = [];

    internal List<ContentSum> ContentSums { get; } = [];

    /// <summary>The charsets that encode replacements; fewer than 30.</summary>
    internal List<MailCharset> Charsets { get; } = [];

    internal ReadOnlySpan<byte> Message => MessageMemory.Span;

    internal ReadOnlyMemory<byte> MessageMemory => Header.Message;

    /// <summary>Writes the message with its tracked links and pixel.</summary>
    /// <param name="output">Receives the message.</param>
    /// <param name="linkIds">The link ids in ordinal order: <see cref="TrackedLinks"/> of them.</param>
    /// <param name="cluster">The message's cluster.</param>
    /// <param name="message">The message's key.</param>
    /// <param name="key">Signs the tokens.</param>
    public void Write(
        IBufferWriter<byte> output,
        ReadOnlySpan<LinkId> linkIds,
        ClusterId cluster,
        MessageKey message,
        SigningKey key) => Write(output, linkIds, cluster, message, key, null);

    /// <summary>Writes a message without tracked links and pixel: only control headers and opt-out markers are
    /// removed.</summary>
    /// <exception cref="InvalidOperationException">The plan has links or a pixel.</exception>
    public void Write(IBufferWriter<byte> output)
    {
        if (TrackedLinks > 0 || HasPixel)
        {
            throw new InvalidOperationException("The plan has tracked links or a pixel, which need a key and ids.");
        }

        WritePlan.Write(this, output, default, default, default, null, null);
    }

    internal void Write(
        IBufferWriter<byte> output,
        ReadOnlySpan<LinkId> linkIds,
        ClusterId cluster,
        MessageKey message,
        SigningKey key,
        List<WrittenSplice>? trace)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(key);
        ArgumentOutOfRangeException.ThrowIfNotEqual(linkIds.Length, TrackedLinks, nameof(linkIds));
        WritePlan.Write(this, output, linkIds, cluster, message, key, trace);
    }

    /// <summary>The number of a charset among <see cref="Charsets"/>, from 1.</summary>
    internal byte NumberOf(MailCharset charset)
    {
        var index = Charsets.IndexOf(charset);
        if (index < 0)
        {
            index = Charsets.Count;
            Charsets.Add(charset);
        }

        return checked((byte)(index + 1));
    }

    /// <summary>The first splice at or behind a position.</summary>
    internal static int FirstSplice(ReadOnlySpan<Splice> splices, int position)
    {
        var (low, high) = (0, splices.Length);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            (low, high) = splices[middle].Start < position ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    /// <summary>Returns the pooled memory.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        Report.Dispose();
        Splices.Dispose();
        foreach (var part in Base64Parts)
        {
            ArrayPool<byte>.Shared.Return(part.Content);
        }
    }
}

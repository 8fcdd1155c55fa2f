using System.Buffers;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Doors;

/// <summary>A message that goes out.</summary>
/// <param name="Mail">Its bytes (RFC 5322).</param>
public sealed record TrackedMail(ReadOnlyMemory<byte> Mail)
{
    /// <summary>The id under which the message is stored; <see langword="null"/> for a message that is not
    /// stored.</summary>
    public string? MessageId { get; init; }

    /// <summary>The publisher's id that is not used because it belongs to other bytes.</summary>
    public string? IgnoredMessageId { get; init; }

    /// <summary>The requested tracking host that is not used.</summary>
    public IgnoredHost? IgnoredHost { get; init; }

    /// <summary>The message's own headers that are not obeyed.</summary>
    public IReadOnlyList<IgnoredHeader> IgnoredHeaders { get; init; } = [];

    /// <summary>The number of wrapped links.</summary>
    public int Links { get; init; }

    /// <summary>Whether the message got an open pixel.</summary>
    public bool HasPixel { get; init; }

    /// <summary>Why nothing is tracked; <see langword="null"/> otherwise.</summary>
    public Untouched? Untouched { get; init; }

    /// <summary>How the message went out, in the words of <c>docs/reasons.md</c>.</summary>
    public string Outcome => Untouched is { } reason ? WireWords.Of(reason) : WireWords.Tracked;
}

/// <summary>
/// Rewrites a message whose sender has no API key: a message of the queue, or of an MTA over SMTP or milter. It finds
/// the cluster, and decides what happens while the store is unavailable.
/// </summary>
public sealed partial class TrackMail
{
    private readonly ChooseCluster _choose;
    private readonly TrackMessage _track;
    private readonly StoreOutage _outage;
    private readonly RefreshDirectories _refresh;
    private readonly IOptions<RewriteOptions> _options;
    private readonly RewriteTelemetry _telemetry;
    private readonly ILogger<TrackMail> _logger;

    internal TrackMail(
        ChooseCluster choose,
        TrackMessage track,
        StoreOutage outage,
        RefreshDirectories refresh,
        IOptions<RewriteOptions> options,
        RewriteTelemetry telemetry,
        ILogger<TrackMail> logger)
    {
        (_choose, _track, _outage, _refresh) = (choose, track, outage, refresh);
        (_options, _telemetry, _logger) = (options, telemetry, logger);
    }

    /// <summary>The longest time that messages are held while the store is unavailable.</summary>
    internal TimeSpan LongestHold => _options.Value.WhenStoreUnavailable == WhenStoreUnavailable.PassThrough
        ? TimeSpan.Zero
        : _options.Value.Queue.LongestHold;

    /// <summary>An address of the envelope as metadata.</summary>
    /// <returns><see langword="null"/> for the null sender, and for what metadata cannot be.</returns>
    public static string? Address(string text) =>
        text is { Length: > 0 and <= MessageMetadata.MaxTextLength } && !text.Any(char.IsControl) ? text : null;

    /// <summary>Reads the header of a message, with the limits of the settings.</summary>
    /// <param name="message">The raw message, which must not change while the header is in use.</param>
    public MessageHeader Read(ReadOnlyMemory<byte> message) => MessageHeader.Read(message, _options.Value.Limits);

    /// <summary>Rewrites a message for an MTA that keeps it until there is an answer. The links are registered before
    /// the call returns. While the store is unavailable, a message passes untouched if messages are no longer
    /// held.</summary>
    /// <returns><see langword="null"/> when the MTA should try again later.</returns>
    public async Task<TrackedMail?> OnceAsync(
        MessageHeader message, MessageMetadata metadata, CancellationToken cancellationToken)
    {
        var longest = LongestHold;
        if (await AskAsync(null, message, metadata, longest, cancellationToken) is { } mail)
        {
            return mail;
        }

        if (_outage.Lasts(longest))
        {
            return PassThrough(message, Untouched.StoreUnavailable);
        }

        _refresh.RequestNow();
        return null;
    }

    /// <summary>Whether a message will pass untouched, whatever its body is: it belongs to no cluster, and has no
    /// control headers to remove.</summary>
    /// <param name="message">The message's header, with or without its body.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<bool> IsNoConcernAsync(MessageHeader message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        foreach (ref readonly var field in message.Fields)
        {
            if (field.Kind == HeaderFieldKind.Control)
            {
                return false;
            }
        }

        try
        {
            return await _choose.ForAsync(null, message, cancellationToken) is null;
        }
        catch (Exception away) when (StoreAway.IsOrUnfit(away))
        {
            return false;
        }
    }

    /// <summary>Counts a message of no concern, whose body was not read.</summary>
    public void PassedBy() => _telemetry.Rewritten(Untouched.NoCluster, 0);

    /// <summary>The message without tracking and without its control headers, which recipients must not see.</summary>
    public TrackedMail PassThrough(MessageHeader message, Untouched untouched)
    {
        _telemetry.Rewritten(untouched, 0);
        var request = new RewriteRequest
        {
            // A message of no cluster is not ours: another system may still need its headers.
            RemovesOtherHeaders = _options.Value.HeadersOfOtherSystems && untouched != Untouched.NoCluster,
        };
        return new TrackedMail(Written(RewriteMessage.Plan(message, request))) { Untouched = untouched };
    }

    /// <summary>Rewrites a message if the store may be asked now.</summary>
    /// <returns><see langword="null"/> while the store is unavailable.</returns>
    internal async Task<TrackedMail?> AskAsync(
        string? cluster,
        MessageHeader message,
        MessageMetadata metadata,
        TimeSpan longest,
        CancellationToken cancellationToken)
    {
        if (!_outage.MayAsk(longest, out var isProbe))
        {
            return null;
        }

        try
        {
            return await TryAsync(cluster, message, metadata, cancellationToken);
        }
        finally
        {
            if (isProbe)
            {
                _outage.Probed();
            }
        }
    }

    private async Task<TrackedMail?> TryAsync(
        string? named, MessageHeader message, MessageMetadata metadata, CancellationToken cancellationToken)
    {
        DirectoryCluster? cluster;
        try
        {
            cluster = await _choose.ForAsync(named, message, cancellationToken);
        }
        catch (Exception away) when (StoreAway.IsOrUnfit(away))
        {
            LogStoreAway(away.Message);
            _outage.Saw();
            return null;
        }

        if (cluster is null)
        {
            return PassThrough(message, Untouched.NoCluster);
        }

        string? ignoredId = null;
        var result = await _track.TrackAsync(cluster, message, metadata, cancellationToken);
        if (result.Outcome == TrackOutcome.OtherContent && metadata.MessageId is not null)
        {
            // The message gets the hash over envelope and bytes as its id: a wrong id never gives two mails one
            // identity.
            ignoredId = result.MessageId;
            result = await _track.TrackAsync(
                cluster, message, metadata with { MessageId = null }, cancellationToken);
        }

        switch (result.Outcome)
        {
            case TrackOutcome.Tracked:
                _outage.Ended();
                break;
            case TrackOutcome.Untouched:
                break;
            case TrackOutcome.OtherContent:
                // Another message has that hash as its given id. The store's answer will not change later.
                _outage.Ended();
                return PassThrough(message, Untouched.IdTaken) with { IgnoredMessageId = ignoredId };
            case TrackOutcome.StoreUnavailable:
                _outage.Saw();
                return null;
            default:
                throw new UnreachableException($"Tracking ended as {result.Outcome}.");
        }

        return new TrackedMail(result.Output)
        {
            MessageId = result.MessageId,
            IgnoredMessageId = ignoredId,
            IgnoredHost = result.Host?.Ignored,
            IgnoredHeaders = result.IgnoredHeaders,
            Links = result.TrackedLinks,
            HasPixel = result.HasPixel,
            Untouched = result.UntouchedReason,
        };
    }

    /// <summary>Writes a plan without tracked links, and disposes it.</summary>
    internal static ReadOnlyMemory<byte> Written(RewritePlan plan)
    {
        using (plan)
        {
            var mail = new ArrayBufferWriter<byte>(Math.Max(plan.OutputSizeHint, 1));
            plan.Write(mail);
            return mail.WrittenMemory;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A message waits because its cluster is unknown: {Reason}")]
    private partial void LogStoreAway(string reason);
}

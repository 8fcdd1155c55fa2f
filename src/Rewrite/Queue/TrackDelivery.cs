using System.Buffers;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Makes of a delivery what goes out. What cannot be understood, or is nobody's, goes out as it came, with the reason;
/// while the store is away messages are held.
/// </summary>
internal sealed partial class TrackDelivery(
    ChooseCluster choose,
    TrackMessage track,
    StoreOutage outage,
    HoldMessages hold,
    RefreshDirectories refresh,
    TimeProvider time,
    IOptions<RewriteOptions> options,
    RewriteTelemetry telemetry,
    ILogger<TrackDelivery> logger)
{
    /// <summary>The message as it goes out; its links are registered before this returns.</summary>
    /// <exception cref="OperationCanceledException">The process stops while it is held.</exception>
    public async Task<RewrittenMessage> RunAsync(QueuedMessage delivery, CancellationToken cancellationToken)
    {
        var body = OpenBody.Of(delivery, options.Value, out var untouched);
        if (body is null)
        {
            telemetry.Rewritten(untouched, 0);
            return untouched == Untouched.TooLarge && OpenBody.IsPlainMail(delivery)
                ? AsItCame(delivery, Untouched.TooLarge) with { Body = WithoutControlHeaders(delivery) }
                : AsItCame(delivery, untouched!.Value);
        }

        var metadata = ReadQueueHeaders.Read(delivery, body, out var problem);
        if (metadata is null)
        {
            // Not tracked rather than tracked in a way that was not asked for; and the mail is not held back for it.
            return PassThrough(delivery, body, Untouched.InvalidHeader) with { InvalidHeader = problem!.Header };
        }

        var longest = options.Value.WhenStoreUnavailable == WhenStoreUnavailable.PassThrough
            ? TimeSpan.Zero
            : options.Value.Queue.LongestHold;
        for (var began = time.GetTimestamp(); ;)
        {
            if (await AskAsync(delivery, body, metadata, longest, cancellationToken) is { } message)
            {
                return message;
            }

            // The second is for one that the store never takes, while it takes others and the outage ends each time.
            if (outage.Lasts(longest) || time.GetElapsedTime(began) >= longest)
            {
                return PassThrough(delivery, body, Untouched.StoreUnavailable);
            }

            refresh.RequestNow();
            await hold.PauseAsync(cancellationToken);
        }
    }

    /// <summary>Without tracking, but also without the headers by which it is controlled: recipients never see
    /// them.</summary>
    public RewrittenMessage PassThrough(QueuedMessage delivery, Untouched untouched) =>
        OpenBody.Of(delivery, options.Value, out _) is { } body
            ? PassThrough(delivery, body, untouched)
            : AsItCame(delivery, untouched);

    /// <summary>Every byte of it.</summary>
    public static RewrittenMessage AsItCame(QueuedMessage delivery, Untouched untouched) =>
        new(delivery.Body) { Untouched = untouched };

    private async Task<RewrittenMessage?> AskAsync(
        QueuedMessage delivery,
        OpenBody body,
        MessageMetadata metadata,
        TimeSpan longest,
        CancellationToken cancellationToken)
    {
        if (!outage.MayAsk(longest, out var isProbe))
        {
            return null;
        }

        try
        {
            return await TryTrackAsync(delivery, body, metadata, cancellationToken);
        }
        finally
        {
            if (isProbe)
            {
                outage.Probed();
            }
        }
    }

    /// <returns><see langword="null"/> while the store is away.</returns>
    private async Task<RewrittenMessage?> TryTrackAsync(
        QueuedMessage delivery, OpenBody body, MessageMetadata metadata, CancellationToken cancellationToken)
    {
        DirectoryCluster? cluster;
        try
        {
            cluster = await choose.ForAsync(delivery.Properties, body.Header, cancellationToken);
        }
        catch (Exception away) when (StoreAway.IsOrUnfit(away))
        {
            LogStoreAway(away.Message);
            outage.Saw();
            return null;
        }

        if (cluster is null)
        {
            return PassThrough(delivery, body, Untouched.NoCluster);
        }

        string? ignoredId = null;
        var result = await track.TrackAsync(cluster, body.Header, metadata, cancellationToken);
        if (result.Outcome == TrackOutcome.OtherContent && metadata.MessageId is not null)
        {
            // The hash over envelope and bytes is its own: two mails never share an identity because of a wrong id.
            ignoredId = result.MessageId;
            result = await track.TrackAsync(
                cluster, body.Header, metadata with { MessageId = null }, cancellationToken);
        }

        switch (result.Outcome)
        {
            case TrackOutcome.Tracked:
                outage.Ended();
                break;
            case TrackOutcome.Untouched:
                break;
            case TrackOutcome.OtherContent:
                // Somebody has given that hash as an id to another message. The store has answered, and will not answer
                // otherwise later.
                outage.Ended();
                return PassThrough(delivery, body, Untouched.IdTaken) with { IgnoredMessageId = ignoredId };
            case TrackOutcome.StoreUnavailable:
                outage.Saw();
                return null;
            default:
                throw new UnreachableException($"Tracking ended as {result.Outcome}.");
        }

        return InItsForm(delivery, body, result.Output) is { } output
            ? new RewrittenMessage(output)
            {
                MessageId = result.MessageId,
                IgnoredMessageId = ignoredId,
                IgnoredHost = result.Host?.Ignored,
                Links = result.TrackedLinks,
                HasPixel = result.HasPixel,
                Untouched = result.UntouchedReason,
            }
            : AsItCame(delivery, Untouched.OutputNotUtf8);
    }

    private RewrittenMessage PassThrough(QueuedMessage delivery, OpenBody body, Untouched untouched)
    {
        telemetry.Rewritten(untouched, 0);
        var mail = Written(RewriteMessage.Plan(body.Header, new RewriteRequest()));
        return AsItCame(delivery, untouched) with
        {
            Body = InItsForm(delivery, body, mail) ?? delivery.Body,
        };
    }

    private ReadOnlyMemory<byte> WithoutControlHeaders(QueuedMessage delivery) =>
        Written(RewriteMessage.PlanHeader(MessageHeader.Read(delivery.Body, options.Value.Limits)));

    private static ReadOnlyMemory<byte> Written(RewritePlan plan)
    {
        using (plan)
        {
            var mail = new ArrayBufferWriter<byte>(Math.Max(plan.OutputSizeHint, 1));
            plan.Write(mail);
            return mail.WrittenMemory;
        }
    }

    private static ReadOnlyMemory<byte>? InItsForm(QueuedMessage delivery, OpenBody body, ReadOnlyMemory<byte> mail) =>
        mail.Span.SequenceEqual(body.Mail.Span) ? delivery.Body : body.With(mail);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A message waits, its cluster cannot be known: {Reason}")]
    private partial void LogStoreAway(string reason);
}

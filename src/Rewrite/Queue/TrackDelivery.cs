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
/// Turns a delivery into the message to send. A message that cannot be read, or that belongs to no cluster, goes out
/// unchanged, with the reason. While the store is unavailable messages are held.
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
    /// <summary>Returns the message to send. Its links are registered before the call returns.</summary>
    /// <exception cref="OperationCanceledException">The process stops while the message is held.</exception>
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
            // A message with an invalid header goes out untracked, so that it is not tracked against its sender's wish.
            // The mail is not held back.
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

            // The second condition ends the wait of a message that the store never takes, while the store takes other
            // messages.
            if (outage.Lasts(longest) || time.GetElapsedTime(began) >= longest)
            {
                return PassThrough(delivery, body, Untouched.StoreUnavailable);
            }

            refresh.RequestNow();
            await hold.PauseAsync(cancellationToken);
        }
    }

    /// <summary>The message without tracking and without its control headers, which recipients must not see.</summary>
    public RewrittenMessage PassThrough(QueuedMessage delivery, Untouched untouched) =>
        OpenBody.Of(delivery, options.Value, out _) is { } body
            ? PassThrough(delivery, body, untouched)
            : AsItCame(delivery, untouched);

    /// <summary>The message unchanged.</summary>
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

    /// <returns><see langword="null"/> while the store is unavailable.</returns>
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
            // The message gets the hash over envelope and bytes as its id: a wrong id never gives two mails one
            // identity.
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
                // Another message has that hash as its given id. The store's answer will not change later.
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "A message waits because its cluster is unknown: {Reason}")]
    private partial void LogStoreAway(string reason);
}

using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Rewrite.Doors;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Turns a delivery into the message to send. A message that cannot be read, or that belongs to no cluster, goes out
/// unchanged, with the reason. While the store is unavailable messages are held.
/// </summary>
internal sealed class TrackDelivery(
    TrackMail track,
    StoreOutage outage,
    HoldMessages hold,
    RefreshDirectories refresh,
    TimeProvider time,
    IOptions<RewriteOptions> options,
    RewriteTelemetry telemetry)
{
    /// <summary>The header that names a cluster.</summary>
    public const string ClusterHeader = "tracking-cluster";

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

        var named = ReadQueueHeaders.Text(delivery.Properties, ClusterHeader);
        var longest = track.LongestHold;
        for (var began = time.GetTimestamp(); ;)
        {
            if (await track.AskAsync(named, body.Header, metadata, longest, cancellationToken) is { } mail)
            {
                return InItsForm(delivery, body, mail);
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

    private static RewrittenMessage InItsForm(QueuedMessage delivery, OpenBody body, TrackedMail mail) =>
        InItsForm(delivery, body, mail.Mail) is { } output
            ? new RewrittenMessage(output)
            {
                MessageId = mail.MessageId,
                IgnoredMessageId = mail.IgnoredMessageId,
                IgnoredHost = mail.IgnoredHost,
                IgnoredHeaders = mail.IgnoredHeaders,
                Links = mail.Links,
                HasPixel = mail.HasPixel,
                Untouched = mail.Untouched,
            }
            : AsItCame(delivery, mail.MessageId is null ? mail.Untouched!.Value : Untouched.OutputNotUtf8) with
            {
                IgnoredMessageId = mail.MessageId is null ? mail.IgnoredMessageId : null,
            };

    private RewrittenMessage PassThrough(QueuedMessage delivery, OpenBody body, Untouched untouched)
    {
        var mail = track.PassThrough(body.Header, untouched);
        return AsItCame(delivery, untouched) with
        {
            Body = InItsForm(delivery, body, mail.Mail) ?? delivery.Body,
        };
    }

    private ReadOnlyMemory<byte> WithoutControlHeaders(QueuedMessage delivery) =>
        TrackMail.Written(RewriteMessage.PlanHeader(
            MessageHeader.Read(delivery.Body, options.Value.Limits), options.Value.HeadersOfOtherSystems));

    private static ReadOnlyMemory<byte>? InItsForm(QueuedMessage delivery, OpenBody body, ReadOnlyMemory<byte> mail) =>
        mail.Span.SequenceEqual(body.Mail.Span) ? delivery.Body : body.With(mail);
}

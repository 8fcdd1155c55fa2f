using System.Buffers;
using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using RabbitMQ.Client;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Rewrite.Messages;
using Tracking.ServiceDefaults;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// From the queue <c>rewrite</c> to <c>rewritten</c> or <c>reply_to</c>. The output is confirmed by the broker before
/// the delivery is acknowledged, so that a process that is killed between the two sends the same bytes again. What
/// cannot be understood goes out as it came, with the reason; while the store is away a message is held; a message
/// that fails for other reasons again and again goes to the dead letters. Nothing blocks the messages behind it for
/// longer than that.
/// </summary>
internal sealed partial class ConsumeMessage(
    ChooseCluster choose,
    TrackMessage track,
    SendRewritten send,
    DeadLetters letters,
    RefreshDirectories refresh,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    IOptions<RewriteOptions> options,
    RewriteTelemetry telemetry,
    ILogger<ConsumeMessage> logger)
{
    /// <summary>Consumes one delivery; it is acknowledged when this returns and given back when it throws.</summary>
    public async Task RunAsync(QueuedMessage delivery, CancellationToken cancellationToken)
    {
        using var activity = Continue(delivery.Properties);
        try
        {
            await RewriteAsync(delivery, cancellationToken);
        }
#pragma warning disable CA1031 // Whatever it is, it must not come back for ever: counted, and the message is kept.
        catch (Exception exception) when (exception is not (NotConfirmedException or OperationCanceledException)
            && delivery.EarlierDeliveries + 1 >= options.Value.Queue.MaxAttempts)
#pragma warning restore CA1031
        {
            LogGivenUp(exception, delivery.EarlierDeliveries + 1);
            await BuryAsync(delivery, $"failed {delivery.EarlierDeliveries + 1} times: {exception.GetType().Name}");
        }
    }

    private async Task RewriteAsync(QueuedMessage delivery, CancellationToken cancellationToken)
    {
        if (delivery.Properties.ReplyTo is { } replyTo && SendRewritten.IsOwnQueue(replyTo))
        {
            await BuryAsync(delivery, "reply_to names a queue of Tracking itself");
            return;
        }

        var message = await ReadAsync(delivery, cancellationToken);
        var outcome = await send.RunAsync(delivery, message);
        if (outcome == PublishOutcome.TooLarge)
        {
            outcome = await send.RunAsync(delivery, AsItCame(delivery, QueueUntouched.OutputTooLarge));
        }

        switch (outcome)
        {
            case PublishOutcome.Unroutable when !string.IsNullOrEmpty(delivery.Properties.ReplyTo):
                await BuryAsync(delivery, "reply_to names a queue that does not exist");
                break;
            case not PublishOutcome.Confirmed:
                throw new InvalidOperationException($"The broker does not take the output: {outcome}.");
        }
    }

    private async Task<RewrittenMessage> ReadAsync(QueuedMessage delivery, CancellationToken cancellationToken)
    {
        var body = OpenBody.Of(delivery, options.Value.MaxMessageBytes, out var untouched);
        if (body is null)
        {
            telemetry.Rewritten(untouched!, 0);
            return AsItCame(delivery, untouched!);
        }

        var metadata = ReadQueueHeaders.Read(delivery, body, out var problem);
        if (metadata is null)
        {
            // Not tracked rather than tracked in a way that was not asked for; and the mail is not held back for it.
            return PassThrough(delivery, body, QueueUntouched.InvalidHeader, $" {problem!.Header}");
        }

        for (var began = time.GetTimestamp(); ;)
        {
            if (await TryTrackAsync(delivery, body, metadata, cancellationToken) is { } message)
            {
                return message;
            }

            if (options.Value.WhenStoreUnavailable == WhenStoreUnavailable.PassThrough
                || time.GetElapsedTime(began) >= options.Value.Queue.LongestHold)
            {
                return PassThrough(delivery, body, QueueUntouched.StoreUnavailable);
            }

            refresh.RequestNow();
            using var stopping = CancellationTokenSource.CreateLinkedTokenSource(
                cancellationToken, lifetime.ApplicationStopping);
            await Task.Delay(options.Value.Queue.StorePause, time, stopping.Token);
        }
    }

    /// <returns><see langword="null"/> while the store is away.</returns>
    private async Task<RewrittenMessage?> TryTrackAsync(
        QueuedMessage delivery, OpenBody body, MessageMetadata metadata, CancellationToken cancellationToken)
    {
        DirectoryCluster? cluster;
        try
        {
            cluster = await choose.ForAsync(delivery.Properties, body.Mail, cancellationToken);
        }
        catch (Exception away) when (away is NpgsqlException or TimeoutException or IOException)
        {
            LogStoreAway(away.Message);
            return null;
        }

        if (cluster is null)
        {
            return PassThrough(delivery, body, QueueUntouched.NoCluster);
        }

        string? ignoredId = null;
        var result = await track.TrackAsync(cluster, body.Mail, metadata, cancellationToken);
        if (result.Outcome == TrackOutcome.OtherContent)
        {
            // The hash over envelope and bytes is its own: two mails never share an identity because of a wrong id.
            ignoredId = result.MessageId;
            result = await track.TrackAsync(
                cluster, body.Mail, metadata with { MessageId = null }, cancellationToken);
        }

        if (result.Outcome is not (TrackOutcome.Tracked or TrackOutcome.Untouched))
        {
            return null;
        }

        return InItsForm(delivery, body, result.Output) is { } output
            ? new RewrittenMessage(output)
            {
                MessageId = result.MessageId,
                IgnoredMessageId = ignoredId,
                IgnoredHost = result.IgnoredHost,
                Links = result.TrackedLinks,
                HasPixel = result.HasPixel,
                Untouched = result.UntouchedReason,
            }
            : AsItCame(delivery, QueueUntouched.OutputNotUtf8);
    }

    /// <summary>Without tracking, but also without the headers by which it is controlled: recipients never see
    /// them.</summary>
    private RewrittenMessage PassThrough(
        QueuedMessage delivery, OpenBody body, string untouched, string detail = "")
    {
        telemetry.Rewritten(untouched, 0);
        using var plan = RewriteMessage.Plan(body.Mail, new RewriteRequest(), options.Value.Limits);
        var mail = new ArrayBufferWriter<byte>(Math.Max(plan.OutputSizeHint, 1));
        plan.Write(mail);
        return AsItCame(delivery, untouched + detail) with
        {
            Body = InItsForm(delivery, body, mail.WrittenMemory) ?? delivery.Body,
        };
    }

    private static ReadOnlyMemory<byte>? InItsForm(QueuedMessage delivery, OpenBody body, ReadOnlyMemory<byte> mail) =>
        mail.Span.SequenceEqual(body.Mail.Span) ? delivery.Body : body.With(mail);

    private static RewrittenMessage AsItCame(QueuedMessage delivery, string untouched) =>
        new(delivery.Body) { Untouched = untouched };

    private async Task BuryAsync(QueuedMessage delivery, string reason)
    {
        await letters.MoveAsync(QueueNames.Rewrite, delivery.Properties, delivery.Body, reason);
        telemetry.Dead();
    }

    // The publisher's trace goes on here (W3C Trace Context), whatever trace the bus has begun for the delivery.
    private static Activity? Continue(IReadOnlyBasicProperties properties)
    {
        var isTraced = ActivityContext.TryParse(
            ReadQueueHeaders.Text(properties, "traceparent"),
            ReadQueueHeaders.Text(properties, "tracestate"),
            isRemote: true,
            out var publisher);
        return isTraced
            ? RewriteTelemetry.Source.StartActivity("process rewrite", ActivityKind.Consumer, publisher)
            : RewriteTelemetry.Source.StartActivity("process rewrite", ActivityKind.Consumer);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A message is given up after {Attempts} attempts")]
    private partial void LogGivenUp(Exception exception, int attempts);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A message waits, its cluster cannot be known: {Reason}")]
    private partial void LogStoreAway(string reason);
}

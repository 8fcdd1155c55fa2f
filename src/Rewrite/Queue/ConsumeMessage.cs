using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using RabbitMQ.Client;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Memory;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Moves messages from the queue <c>rewrite</c> to <c>rewritten</c> or <c>reply_to</c>. The broker confirms the output
/// before the delivery is acknowledged, so a process that is killed between the two sends the same bytes again. A
/// message that was delivered before goes to <c>rewrite.alone</c>. From that queue one message is fetched at a time,
/// and the process works on nothing else. So when a process ends, the count rises only for the message that it was
/// working on. A message that fails repeatedly, or over which processes end repeatedly, goes to the dead letters. No
/// message blocks the messages behind it. While <c>rewritten</c> is full, a message is held for a time and then waits
/// at the end of its queue.
/// </summary>
internal sealed partial class ConsumeMessage(
    TrackDelivery track,
    SendRewritten send,
    WaitInLine line,
    FullOutput full,
    MessageMemory memory,
    HoldMessages hold,
    DeadLetters letters,
    TimeProvider time,
    IOptions<RewriteOptions> options,
    RewriteTelemetry telemetry,
    ILogger<ConsumeMessage> logger)
{
    /// <summary>Consumes one delivery. The delivery is acknowledged when this returns, and given back when it
    /// throws.</summary>
    public async Task RunAsync(QueuedMessage delivery, CancellationToken cancellationToken)
    {
        using var activity = Continue(delivery.Properties);
        if (delivery is { IsRedelivered: true, IsAlone: false })
        {
            Taken(await line.ApartAsync(delivery), QueueNames.RewriteAlone);
            telemetry.SetApart();
            return;
        }

        if (delivery.Deliveries > options.Value.Queue.MaxDeliveries && !full.IsRecent)
        {
            await BuryAsync(delivery, $"delivered {delivery.Deliveries} times without an end");
            return;
        }

        if (await TryAsync(delivery, cancellationToken) is not { } failure)
        {
            return;
        }

        var failures = delivery.Failures + 1;
        if (failures >= options.Value.Queue.MaxAttempts)
        {
            LogGivenUp(failure, failures);
            await BuryAsync(delivery, $"failed {failures} times: {Reason(failure)}");
            return;
        }

        LogFailed(failure, failures);
        await hold.PauseAsync(cancellationToken);
        Taken(await line.AgainAsync(delivery), QueueNames.Rewrite);
    }

    /// <returns>Why the attempt failed; <see langword="null"/> when the message is done.</returns>
    private async Task<Exception?> TryAsync(QueuedMessage delivery, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        // A message that is worked on alone takes all bytes.
        var bytes = delivery.IsAlone ? long.MaxValue : OpenBody.SizeOf(delivery, options.Value);
        using var turn = await memory.EnterAsync(bytes, cancellationToken);
        try
        {
            await RewriteAsync(delivery, began, cancellationToken);
            return null;
        }
        catch (OperationCanceledException) when (delivery.IsAlone && hold.IsStopping)
        {
            // The process stops in order, and not over this message. A copy in the queue keeps the delivery uncounted.
            Taken(await line.ApartAsync(delivery), QueueNames.RewriteAlone);
            return null;
        }
#pragma warning disable CA1031 // No failure may return for ever: it is counted, and the message is kept.
        catch (Exception exception) when (exception is not (NotConfirmedException or OperationCanceledException))
#pragma warning restore CA1031
        {
            return exception;
        }
    }

    private static string Reason(Exception failure) => failure switch
    {
        OutputRefusedException => failure.Message,
        PostgresException refused => $"the store refuses it (SQLSTATE {refused.SqlState})",
        _ => failure.GetType().Name,
    };

    // If the queue does not take the message, the message stays with the broker, which delivers it again.
    private static void Taken(bool isTaken, string queue)
    {
        if (!isTaken)
        {
            throw new NotConfirmedException($"Queue '{queue}' does not take a message that has to wait.");
        }
    }

    private async Task RewriteAsync(QueuedMessage delivery, long began, CancellationToken cancellationToken)
    {
        if (delivery.Properties.ReplyTo is { } replyTo && SendRewritten.IsOwnQueue(replyTo))
        {
            await BuryAsync(delivery, "reply_to names a queue of Tracking itself");
            return;
        }

        var message = await track.RunAsync(delivery, cancellationToken);
        var outcome = await SendAsync(delivery, message, began, cancellationToken);
        if (outcome == PublishOutcome.TooLarge)
        {
            outcome = await SendAsync(
                delivery, track.PassThrough(delivery, Untouched.OutputTooLarge), began, cancellationToken);
        }

        if (outcome == PublishOutcome.TooLarge)
        {
            // Our compression may make the message larger than its publisher's did.
            outcome = await SendAsync(
                delivery, TrackDelivery.AsItCame(delivery, Untouched.OutputTooLarge), began, cancellationToken);
        }

        switch (outcome)
        {
            case PublishOutcome.Confirmed or null:
                break;
            case PublishOutcome.Unroutable when HasReplyTo(delivery):
                await BuryAsync(delivery, "reply_to names a queue that does not exist");
                break;
            default:
                throw new OutputRefusedException(outcome.Value);
        }
    }

    // A queue for the messages of all publishers is full: the messages wait, without counting as failed or as delivered
    // again. A queue that a publisher has named concerns only that publisher.
    private async Task<PublishOutcome?> SendAsync(
        QueuedMessage delivery, RewrittenMessage message, long began, CancellationToken cancellationToken)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            var outcome = await send.RunAsync(delivery, message);
            if (outcome != PublishOutcome.Refused || HasReplyTo(delivery))
            {
                return outcome;
            }

            full.Saw();
            if (!isFirst && time.GetElapsedTime(began) >= LongestWait && await line.RunAsync(delivery))
            {
                telemetry.Returned();
                return null;
            }

            await hold.PauseAsync(cancellationToken);
        }
    }

    // A fetched message that is not worked on yet waits as long again. All of it must end before the broker takes
    // messages back.
    private TimeSpan LongestWait => options.Value.Queue is var queue && queue.Prefetch > queue.Concurrency
        ? queue.LongestHold * queue.Concurrency / queue.Prefetch
        : queue.LongestHold;

    private static bool HasReplyTo(QueuedMessage delivery) => !string.IsNullOrEmpty(delivery.Properties.ReplyTo);

    private async Task BuryAsync(QueuedMessage delivery, string reason)
    {
        // When the operator puts the message back, it starts without failures.
        var properties = new BasicProperties(delivery.Properties)
        {
            Headers = new Dictionary<string, object?>(
                (delivery.Properties.Headers ?? new Dictionary<string, object?>())
                    .Where(header => header.Key != QueuedMessage.FailuresHeader)),
        };
        await letters.MoveAsync(QueueNames.Rewrite, properties, delivery.Body, reason);
        telemetry.Dead();
    }

    // Continues the publisher's trace (W3C Trace Context) instead of the trace that the bus has begun for the delivery.
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "A message has failed {Attempts} times and is tried again")]
    private partial void LogFailed(Exception exception, int attempts);

    [LoggerMessage(Level = LogLevel.Error, Message = "A message is given up after {Attempts} attempts")]
    private partial void LogGivenUp(Exception exception, int attempts);

    /// <summary>The queue for the output does not take the message.</summary>
    private sealed class OutputRefusedException(PublishOutcome outcome) : Exception(outcome switch
    {
        PublishOutcome.Refused => "the queue in reply_to is full",
        PublishOutcome.TooLarge => "the broker accepted the message, but the rewritten one is too large",
        _ => $"the broker does not take the output: {outcome}",
    });
}

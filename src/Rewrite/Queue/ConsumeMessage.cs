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
/// From the queue <c>rewrite</c> to <c>rewritten</c> or <c>reply_to</c>. The output is confirmed by the broker before
/// the delivery is acknowledged, so that a process that is killed between the two sends the same bytes again. A message
/// that was delivered before goes to <c>rewrite.alone</c>, where one is fetched at a time and nothing is worked on beside
/// it: it alone is counted when a process ends over it, and not what was fetched with it. A message that fails again and
/// again, or that processes end over, goes to the dead letters. Nothing blocks the messages behind it. While
/// <c>rewritten</c> is full a message is held for a time, and then waits at the end of its queue.
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
    /// <summary>Consumes one delivery; it is acknowledged when this returns and given back when it throws.</summary>
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

    /// <returns>Why it failed; <see langword="null"/> when it is done.</returns>
    private async Task<Exception?> TryAsync(QueuedMessage delivery, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        // Alone is who takes everything.
        var bytes = delivery.IsAlone ? long.MaxValue : OpenBody.SizeOf(delivery, options.Value);
        using var turn = await memory.EnterAsync(bytes, cancellationToken);
        try
        {
            await RewriteAsync(delivery, began, cancellationToken);
            return null;
        }
        catch (OperationCanceledException) when (delivery.IsAlone && hold.IsStopping)
        {
            // The process does not end over this message: that must not be counted.
            Taken(await line.ApartAsync(delivery), QueueNames.RewriteAlone);
            return null;
        }
#pragma warning disable CA1031 // Whatever it is, it must not come back for ever: counted, and the message is kept.
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

    // Not taken it stays with the broker, and comes again.
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
            // Compressed by us it may be larger than by its publisher.
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

    // A queue that everybody's messages go to is full: they wait, and are not counted as failing, nor as delivered once
    // more. One that a publisher has named is its own affair.
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

    // What is fetched beside those that are worked on waits for as long again, and all of it is to be over before the
    // broker takes messages back.
    private TimeSpan LongestWait => options.Value.Queue is var queue && queue.Prefetch > queue.Concurrency
        ? queue.LongestHold * queue.Concurrency / queue.Prefetch
        : queue.LongestHold;

    private static bool HasReplyTo(QueuedMessage delivery) => !string.IsNullOrEmpty(delivery.Properties.ReplyTo);

    private async Task BuryAsync(QueuedMessage delivery, string reason)
    {
        // Put back by its operator it begins anew.
        var properties = new BasicProperties(delivery.Properties)
        {
            Headers = new Dictionary<string, object?>(
                (delivery.Properties.Headers ?? new Dictionary<string, object?>())
                    .Where(header => header.Key != QueuedMessage.FailuresHeader)),
        };
        await letters.MoveAsync(QueueNames.Rewrite, properties, delivery.Body, reason);
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "A message has failed {Attempts} times and is tried again")]
    private partial void LogFailed(Exception exception, int attempts);

    [LoggerMessage(Level = LogLevel.Error, Message = "A message is given up after {Attempts} attempts")]
    private partial void LogGivenUp(Exception exception, int attempts);

    /// <summary>The queue that a message goes to does not take it.</summary>
    private sealed class OutputRefusedException(PublishOutcome outcome) : Exception(outcome switch
    {
        PublishOutcome.Refused => "the queue in reply_to is full",
        PublishOutcome.TooLarge => "the broker takes it in, but not out: it is too large",
        _ => $"the broker does not take the output: {outcome}",
    });
}

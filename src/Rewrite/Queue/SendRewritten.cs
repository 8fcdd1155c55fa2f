using System.Diagnostics;
using RabbitMQ.Client;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Sends a rewritten message to the queue in <c>reply_to</c>, or else to <c>rewritten</c>. The message keeps its
/// properties and headers, and the results are added. The broker has the message before the call returns.
/// </summary>
internal sealed class SendRewritten(ConfirmedPublisher publisher)
{
    // Headers that the broker adds or reads describe the finished delivery. CC and BCC would send copies again.
    private static readonly string[] _ofTheDelivery =
        ["CC", "BCC", "x-delivery-count", DeadLetters.ReasonHeader, QueuedMessage.FailuresHeader];
    private static readonly string[] _ofTheDeliveryByPrefix = ["x-death", "x-first-death-", "x-last-death-"];

    private static readonly string[] _results =
    [
        "tracking-message-id", "tracking-message-id-ignored", "tracking-host-ignored", "tracking-headers-ignored",
        "tracking-links", "tracking-opens", "tracking-untouched",
    ];

    /// <summary>Whether a <c>reply_to</c> names our own input queue, or a queue to which only we write.</summary>
    public static bool IsOwnQueue(string queue) => DeadLetters.Owner(queue) is { } owner
        ? owner == QueueNames.Rewritten || IsWorkedOff(owner)
        : IsWorkedOff(queue);

    /// <summary>Sends a message.</summary>
    /// <param name="delivery">The original delivery.</param>
    /// <param name="message">The message to send.</param>
    /// <exception cref="NotConfirmedException">The broker is unavailable.</exception>
    public Task<PublishOutcome> RunAsync(QueuedMessage delivery, RewrittenMessage message)
    {
        var replyTo = delivery.Properties.ReplyTo;
        var queue = string.IsNullOrEmpty(replyTo) ? QueueNames.Rewritten : replyTo;
        return publisher.PublishAsync("", queue, Properties(delivery.Properties, message), message.Body);
    }

    internal static BasicProperties Properties(IReadOnlyBasicProperties input, RewrittenMessage message)
    {
        var headers = new Dictionary<string, object?>(input.Headers ?? new Dictionary<string, object?>());
        foreach (var name in headers.Keys.Where(IsOfTheDeliveryOrResult).ToList())
        {
            headers.Remove(name);
        }

        headers["tracking-links"] = (long)message.Links;
        headers["tracking-opens"] = message.HasPixel ? "yes" : "no";
        Set("tracking-message-id", message.MessageId);
        Set("tracking-message-id-ignored", message.IgnoredMessageId is { } id
            ? $"{id} was rewritten before with other bytes"
            : null);
        Set("tracking-host-ignored", message.IgnoredHost is { } ignored ? RewriteResult.Of(ignored) : null);
        Set("tracking-headers-ignored", RewriteResult.Of(message.IgnoredHeaders));
        Set("tracking-untouched", message.Untouched is { } reason
            ? WireWords.Of(reason) + (message.InvalidHeader is { } header ? $" {header}" : "")
            : null);
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity)
        {
            headers["traceparent"] = activity.Id;
            Set("tracestate", activity.TraceStateString);
        }

        // The broker refuses a message with another user's name.
        var properties = new BasicProperties(input) { Headers = headers };
        properties.ClearUserId();
        if (!properties.IsDeliveryModePresent())
        {
            // The delivery does not say whether it is durable. In a quorum queue it was durable, so it stays durable in
            // other queues.
            properties.DeliveryMode = DeliveryModes.Persistent;
        }

        return properties;

        void Set(string name, string? value)
        {
            if (value is not null)
            {
                headers[name] = value;
            }
        }
    }

    private static bool IsWorkedOff(string queue) =>
        queue is QueueNames.Rewrite or QueueNames.RewriteAlone or QueueNames.StoreEvents or QueueNames.VerifyDomains
            or QueueNames.CheckNames or QueueNames.OrderCertificates or QueueNames.PreviewMessages
        || HasIdBehind("edge-", queue)
        || HasIdBehind(QueueNames.Checks, queue)
        || HasIdBehind(QueueNames.Previews, queue)
        || HasIdBehind("directory-", queue);

    private static bool HasIdBehind(string prefix, string queue) =>
        queue.StartsWith(prefix, StringComparison.Ordinal) && Guid.TryParseExact(queue[prefix.Length..], "N", out _);

    /// <summary>Whether a header describes the delivery instead of the message.</summary>
    internal static bool IsOfTheDelivery(string name) =>
        _ofTheDelivery.Contains(name, StringComparer.OrdinalIgnoreCase)
        || Array.Exists(
            _ofTheDeliveryByPrefix, prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));

    private static bool IsOfTheDeliveryOrResult(string name) =>
        IsOfTheDelivery(name) || _results.Contains(name, StringComparer.OrdinalIgnoreCase);
}

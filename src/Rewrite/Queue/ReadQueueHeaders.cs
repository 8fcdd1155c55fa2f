using System.Collections;
using System.Globalization;
using System.Text;
using RabbitMQ.Client;
using Tracking.Rewrite.Doors;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Reads a publisher's metadata from AMQP: the headers that HTTP has too, <c>message_id</c>, and the members of a JSON
/// body. Everything is optional.
/// </summary>
internal static class ReadQueueHeaders
{
    /// <summary>Reads the metadata.</summary>
    /// <returns><see langword="null"/> with a <paramref name="problem"/>.</returns>
    public static MessageMetadata? Read(QueuedMessage delivery, OpenBody body, out MetadataProblem? problem)
    {
        var metadata = MessageMetadata.Read(name => Text(delivery.Properties, name), out problem);
        return metadata is null
            ? null
            : metadata with
            {
                MessageId = metadata.MessageId ?? Id(delivery.Properties.MessageId),
                Sender = metadata.Sender ?? Address(body.Sender),
                Recipient = metadata.Recipient ?? Address(body.Recipient),
            };
    }

    /// <summary>A header as text. Each client library chooses its own AMQP type for it.</summary>
    /// <param name="properties">The properties.</param>
    /// <param name="name">The header's name, in any case.</param>
    public static string? Text(IReadOnlyBasicProperties properties, string name)
    {
        if (properties.Headers is not { } headers)
        {
            return null;
        }

        // Other cases are searched only if the exact name is missing: a dictionary may contain both.
        return headers.TryGetValue(name, out var value)
            ? Text(value)
            : Text(headers.FirstOrDefault(pair => pair.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value);
    }

    private static string? Text(object? value) => value switch
    {
        null => null,
        byte[] bytes => Encoding.UTF8.GetString(bytes),
        string text => text,
        bool yes => yes ? "yes" : "no",
        AmqpTimestamp time => TimeText(time.UnixTime),
        BinaryTableValue binary => Encoding.UTF8.GetString(binary.Bytes),
        IDictionary => "",
        IEnumerable list => string.Join(',', list.Cast<object?>().Select(Text)),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => "",
    };

    private static string TimeText(long seconds) =>
        seconds >= DateTimeOffset.MinValue.ToUnixTimeSeconds() && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(seconds).ToString(
                "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)
            : "";

    // message_id is the publisher's id of its AMQP message. If it cannot be our id, the mail is still valid.
    private static string? Id(string? text) =>
        text is { Length: > 0 and <= MessageMetadata.MaxTextLength }
            && !text.AsSpan().ContainsAnyExceptInRange(' ', '~')
            ? text
            : null;

    private static string? Address(string? text) => text is null ? null : TrackMail.Address(text);
}

using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>
/// The body of a webhook: <c>type</c>, <c>timestamp</c> and <c>data</c>, as Standard Webhooks 1.0.0 demands, with the
/// same names as the API. A body has at most 20 kB, the limit of the specification. A longer body loses its longest
/// parts and then has <c>"shortened": true</c>.
/// </summary>
internal static class WebhookBody
{
    /// <summary>The largest size of a body in bytes.</summary>
    public const int MostBytes = 20 * 1000;

    // Programs read the body, and it never becomes part of a page. So letters are not escaped.
    private static readonly JsonWriterOptions _plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The body of a delivery: the stored body, or a body made from the event; <see langword="null"/> if the
    /// event no longer exists.</summary>
    public static byte[]? Read(NpgsqlDataReader row, DateTimeOffset now) =>
        !row.IsDBNull(2) ? Encoding.UTF8.GetBytes(row.GetString(2))
        : row.GetBoolean(6) ? Write(MessageEvent.Read(row, now))
        : null;

    /// <summary>The body of a click or open.</summary>
    public static byte[] Write(MessageEvent tracked)
    {
        var body = Write(tracked, isShortened: false);
        return body.Length <= MostBytes ? body : Write(tracked, isShortened: true);
    }

    /// <summary>A body with other data.</summary>
    /// <param name="type">The type of the webhook.</param>
    /// <param name="at">The time of the event.</param>
    /// <param name="data">Writes the members of <c>data</c>. Its argument says whether to leave out long
    /// values.</param>
    public static byte[] Write(WebhookEventType type, DateTimeOffset at, Action<Utf8JsonWriter, bool> data)
    {
        var body = Write(type, at, data, isShortened: false);
        return body.Length <= MostBytes ? body : Write(type, at, data, isShortened: true);
    }

    private static byte[] Write(MessageEvent tracked, bool isShortened) => Write(
        tracked.Type, tracked.At, (json, shortened) => tracked.WriteTo(json, shortened), isShortened);

    private static byte[] Write(
        WebhookEventType type, DateTimeOffset at, Action<Utf8JsonWriter, bool> data, bool isShortened)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, _plain))
        {
            json.WriteStartObject();
            json.WriteString("type", WebhookEventTypes.NameOf(type));
            json.WriteString("timestamp", Time(at));
            json.WriteStartObject("data");
            data(json, isShortened);
            if (isShortened)
            {
                json.WriteBoolean("shortened", true);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A time as the API writes it: UTC with microseconds.</summary>
    public static string Time(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}

/// <summary>A click or open, with the facts of its message and its link.</summary>
internal sealed record MessageEvent
{
    // Longer texts are cut if the body would be too long.
    private const int ShortText = 512;

    public required WebhookEventType Type { get; init; }

    public required Guid Id { get; init; }

    public required DateTimeOffset At { get; init; }

    public required ClusterId Cluster { get; init; }

    public required MessageKey Message { get; init; }

    public string? MessageId { get; init; }

    public string? Recipient { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];

    public LinkId Link { get; init; }

    public string? Url { get; init; }

    public LinkPlace? Place { get; init; }

    public int Ordinal { get; init; }

    public string? ClientAddress { get; init; }

    public string? UserAgent { get; init; }

    public Verdict Verdict { get; init; }

    public string? Vendor { get; init; }

    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>Whether what comes next may still change the verdict.</summary>
    public bool IsProvisional { get; init; }

    /// <summary>Why it counts nowhere.</summary>
    public WhyUncounted? Uncounted { get; init; }

    /// <summary>Reads a row of the statement in <see cref="ClaimEndpoints"/>.</summary>
    /// <param name="row">The row.</param>
    /// <param name="now">When it is sent.</param>
    public static MessageEvent Read(NpgsqlDataReader row, DateTimeOffset now)
    {
        string? Text(int column) => row.IsDBNull(column) ? null : row.GetString(column);
        var ordinal = row.GetInt16(16);
        var places = row.IsDBNull(15) ? [] : LinkMap.Read(row.GetFieldValue<byte[]>(15));
        return new MessageEvent
        {
            Id = row.GetGuid(0),
            Type = (WebhookEventType)row.GetInt16(1),
            Cluster = new ClusterId(row.GetInt32(7)),
            At = row.GetFieldValue<DateTimeOffset>(8),
            Message = MessageKey.Read(row.GetFieldValue<byte[]>(9)),
            MessageId = Text(10),
            Recipient = Text(11),
            Tags = row.IsDBNull(12) ? [] : row.GetFieldValue<string[]>(12),
            Link = LinkId.FromInt64(row.GetInt64(13)),
            Url = Text(14),
            Place = ordinal < places.Count ? places[ordinal] : null,
            Ordinal = ordinal,
            ClientAddress = row.IsDBNull(17) ? null : row.GetFieldValue<IPAddress>(17).ToString(),
            UserAgent = Text(18),
            Verdict = (Verdict)row.GetInt16(19),
            Vendor = Text(20),
            Reasons = row.GetFieldValue<string[]>(21),
            IsProvisional = row.GetFieldValue<DateTimeOffset>(8) > now - Verdicts.ProvisionalFor,
            Uncounted = row.IsDBNull(22) ? null : (WhyUncounted)row.GetInt16(22),
        };
    }

    /// <summary>Writes the members of <c>data</c>.</summary>
    public void WriteTo(Utf8JsonWriter json, bool isShortened)
    {
        json.WriteString("id", Id);
        json.WriteString("cluster", Cluster.ToString());
        json.WriteString("message", Message.ToString());
        json.WriteString("messageId", MessageId);
        json.WriteString("recipient", Recipient);
        json.WriteStartArray("tags");
        foreach (var tag in Tags)
        {
            json.WriteStringValue(tag);
        }

        json.WriteEndArray();
        if (Link.Value != 0)
        {
            json.WriteStartObject("link");
            json.WriteString("id", Link.ToString());
            json.WriteString("url", isShortened || Url is null ? null : ShownUrl.Mask(Url));
            json.WriteString("name", Place is { } named ? Cut(named.Name, isShortened) : null);
            WriteNumber(json, "part", Place?.Part);
            WriteNumber(json, "position", Place?.Position);
            json.WriteEndObject();
            json.WriteNumber("ordinal", Ordinal);
        }

        json.WriteString("clientAddress", ClientAddress);
        json.WriteString("userAgent", Cut(UserAgent, isShortened));
        json.WriteStartObject("classification");
        json.WriteString("verdict", JsonNamingPolicy.CamelCase.ConvertName(Verdict.ToString()));
        json.WriteString("vendor", Vendor);
        json.WriteStartArray("reasons");
        foreach (var reason in Reasons)
        {
            json.WriteStringValue(reason);
        }

        json.WriteEndArray();
        json.WriteBoolean("provisional", IsProvisional);
        json.WriteEndObject();
        if (Uncounted is { } why)
        {
            json.WriteString("uncounted", JsonNamingPolicy.CamelCase.ConvertName(why.ToString()));
        }
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, int? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static string? Cut(string? text, bool isShortened) =>
        isShortened && text?.Length > ShortText ? text[..ShortText] : text;
}

using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Options;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>The outcome of one delivery attempt.</summary>
internal enum AttemptOutcome
{
    /// <summary>A status of 200 to 299.</summary>
    Delivered,

    /// <summary>Status 410: the receiver wants no more webhooks.</summary>
    Gone,

    /// <summary>Another status. Its reason may be this one webhook.</summary>
    Refused,

    /// <summary>There was nothing to send, because the event is no longer stored.</summary>
    NothingToSend,

    /// <summary>No answer, or a status that asks for a later attempt (429, 502, 503, 504). The reason is the receiver,
    /// not the webhook.</summary>
    Unreachable,
}

/// <summary>One delivery attempt.</summary>
/// <param name="Outcome">The outcome.</param>
/// <param name="At">When it began.</param>
/// <param name="Took">The time from the beginning to the end of the answer.</param>
internal sealed record Attempt(AttemptOutcome Outcome, DateTimeOffset At, TimeSpan Took)
{
    /// <summary>The HTTP status; <see langword="null"/> without an answer.</summary>
    public int? Status { get; init; }

    /// <summary>A description of the error.</summary>
    public string? Error { get; init; }

    /// <summary>The beginning of the answer.</summary>
    public string? Answer { get; init; }

    /// <summary>How long the receiver asks us to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>Sends one webhook once. It is signed as Standard Webhooks 1.0.0 demands. Everything that a receiver can
/// delay or enlarge has a limit.</summary>
internal sealed class SendWebhook : IDisposable
{
    /// <summary>The number of bytes of an answer that are kept: enough for the error page of a framework.</summary>
    public const int MostAnswer = 8 * 1024;

    private static readonly ProductInfoHeaderValue _program = new("Tracking-Webhooks", "1.0");

    private readonly WebhookOptions _options;
    private readonly TimeProvider _time;
    private readonly HttpClient _client;

    /// <summary>The constructor for the container.</summary>
    public SendWebhook(ReceiverAddress addresses, IOptions<WebhookOptions> options, TimeProvider time)
        : this(new ConnectToReceiver(addresses, ConnectToReceiver.LookUpAsync), options, time)
    {
    }

    /// <summary>Uses another way to look up names.</summary>
    internal SendWebhook(ConnectToReceiver connect, IOptions<WebhookOptions> options, TimeProvider time)
    {
        (_options, _time) = (options.Value, time);
        _client = new HttpClient(connect.CreateHandler(_options)) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Sends a webhook. Every fault becomes an outcome.</summary>
    /// <param name="url">The receiver.</param>
    /// <param name="id">The webhook's id.</param>
    /// <param name="body">The body.</param>
    /// <param name="secrets">One secret, or two during a change.</param>
    public async Task<Attempt> RunAsync(Uri url, Guid id, byte[] body, IReadOnlyList<byte[]> secrets)
    {
        var at = _time.GetUtcNow();
        var began = _time.GetTimestamp();
        using var deadline = new CancellationTokenSource(_options.AttemptTimeout, _time);
        try
        {
            using var request = Request(url, id, body, at.ToUnixTimeSeconds(), secrets);
            using var response = await _client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
            var answer = await ReadAsync(response, deadline.Token);
            return Judge(response, at) with { At = at, Took = _time.GetElapsedTime(began), Answer = answer };
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException
            or OperationCanceledException or System.Net.Sockets.SocketException)
        {
            return new Attempt(AttemptOutcome.Unreachable, at, _time.GetElapsedTime(began))
            {
                Error = Explain(exception, deadline.IsCancellationRequested),
            };
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static HttpRequestMessage Request(
        Uri url, Guid id, byte[] body, long timestamp, IReadOnlyList<byte[]> secrets)
    {
        var text = id.ToString();
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue(_program.Product!));
        request.Headers.Add(SignWebhook.IdHeader, text);
        request.Headers.Add(SignWebhook.TimestampHeader, timestamp.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(SignWebhook.SignatureHeader, SignWebhook.Run(text, timestamp, body, secrets));
        return request;
    }

    private Attempt Judge(HttpResponseMessage response, DateTimeOffset now)
    {
        var status = (int)response.StatusCode;
        var outcome = status switch
        {
            >= 200 and <= 299 => AttemptOutcome.Delivered,
            (int)HttpStatusCode.Gone => AttemptOutcome.Gone,
            429 or 502 or 503 or 504 => AttemptOutcome.Unreachable,
            _ => AttemptOutcome.Refused,
        };
        return new Attempt(outcome, default, default)
        {
            Status = status,
            Error = outcome == AttemptOutcome.Delivered ? null
                : status is >= 300 and <= 399 ? $"The receiver answered {status}; redirects are not followed."
                : $"The receiver answered {status}.",
            RetryAfter = outcome == AttemptOutcome.Unreachable ? RetryAfter(response.Headers.RetryAfter, now) : null,
        };
    }

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header, DateTimeOffset now)
    {
        var wanted = header?.Delta ?? (header?.Date - now);
        return wanted is not { } pause || pause <= TimeSpan.Zero ? null
            : pause < _options.LongestRetryAfter ? pause : _options.LongestRetryAfter;
    }

    // The status decides, so an answer whose body is never finished counts too.
    private static async Task<string> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var answer = new byte[MostAnswer];
        var length = 0;
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            while (length < answer.Length
                && await body.ReadAsync(answer.AsMemory(length), cancellationToken) is > 0 and var read)
            {
                length += read;
            }
        }
        catch (Exception exception) when (
            exception is HttpRequestException or IOException or OperationCanceledException)
        {
            // The bytes that arrived before are kept.
        }

        return StorableText(answer.AsSpan(0, length));
    }

    // Text in PostgreSQL cannot contain NUL, and the limit may cut a character in two.
    private static string StorableText(ReadOnlySpan<byte> bytes)
    {
        var text = Encoding.UTF8.GetString(bytes).Replace("\0", "\ufffd", StringComparison.Ordinal);
        while (Encoding.UTF8.GetByteCount(text) > MostAnswer)
        {
            text = text[..^(1 + ((Encoding.UTF8.GetByteCount(text) - MostAnswer) / 3))];
        }

        return text.Length > 0 && char.IsHighSurrogate(text[^1]) ? text[..^1] : text;
    }

    private string Explain(Exception exception, bool isLate)
    {
        for (var inner = exception; inner is not null; inner = inner.InnerException)
        {
            if (inner is ForbiddenAddressException)
            {
                return inner.Message;
            }
        }

        return exception switch
        {
            _ when isLate => $"There was no answer within {_options.AttemptTimeout.TotalSeconds} s.",
            OperationCanceledException => $"There was no connection within {_options.ConnectTimeout.TotalSeconds} s.",
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } =>
                "The receiver's name has no address.",
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } failed =>
                $"There is no secure connection: {(failed.InnerException ?? failed).Message}",
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } failed =>
                $"The connection failed: {(failed.InnerException ?? failed).Message}",
            _ => $"The connection broke: {exception.Message}",
        };
    }
}

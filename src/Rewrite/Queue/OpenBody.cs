using System.Buffers.Binary;
using System.IO.Compression;
using System.Net.Http.Headers;
using RabbitMQ.Client;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// The mail in a body, whatever form the body has, and the way back into the same form: raw bytes or JSON, each plain
/// or compressed by gzip.
/// </summary>
internal sealed class OpenBody
{
    // A byte of JSON's string may stand for a sixth of one of the mail (\u000a).
    private const int LongestEscape = 6;

    private const int CopySize = 64 * 1024;

    private const int GzipTrailer = 8;

    private bool _isCompressed;
    private JsonForm? _json;

    private OpenBody()
    {
    }

    /// <summary>The raw message.</summary>
    public ReadOnlyMemory<byte> Mail { get; private set; }

    /// <summary>The envelope sender that the body names.</summary>
    public string? Sender => _json?.Envelope;

    /// <summary>The recipient that the body names.</summary>
    public string? Recipient => _json?.Recipient;

    /// <summary>Opens a body.</summary>
    /// <param name="delivery">The delivery.</param>
    /// <param name="maxMessageBytes">The largest message taken.</param>
    /// <param name="untouched">Why there is nothing to rewrite.</param>
    /// <returns><see langword="null"/> when there is nothing to rewrite.</returns>
    public static OpenBody? Of(QueuedMessage delivery, int maxMessageBytes, out string? untouched)
    {
        var isJson = IsJson(delivery.Properties.ContentType);
        var maxBytes = isJson ? (long)maxMessageBytes * LongestEscape : maxMessageBytes;
        var body = delivery.Body;
        var opened = new OpenBody { _isCompressed = IsGzip(delivery.Properties) };
        if (opened._isCompressed)
        {
            if (Decompress(body, maxBytes, out untouched) is not { } plain)
            {
                return null;
            }

            body = plain;
        }
        else if (HasUnknownEncoding(delivery.Properties))
        {
            untouched = QueueUntouched.UnknownContentEncoding;
            return null;
        }

        untouched = body.Length > maxBytes ? QueueUntouched.TooLarge : null;
        if (untouched is not null)
        {
            return null;
        }

        opened.Mail = body;
        if (isJson || MayBeJson(delivery.Properties.ContentType, body.Span))
        {
            opened._json = JsonForm.Read(body, out untouched);
            if (opened._json is null && isJson)
            {
                return null;
            }

            opened.Mail = opened._json?.Mail ?? body;
        }

        untouched = opened.Mail.Length > maxMessageBytes ? QueueUntouched.TooLarge : null;
        return untouched is null ? opened : null;
    }

    /// <summary>The body with another message in it, the same bytes for the same message.</summary>
    /// <returns><see langword="null"/> when the message cannot stand in it: it is not UTF-8, and JSON is.</returns>
    public ReadOnlyMemory<byte>? With(ReadOnlyMemory<byte> mail)
    {
        var body = _json is null ? mail : _json.With(mail.Span);
        return _isCompressed && body is { } plain ? Compress(plain) : body;
    }

    /// <summary>The bytes of a body when it is open, by its own account, which <see cref="Of"/> holds it to.</summary>
    public static long SizeOf(QueuedMessage delivery) => IsGzip(delivery.Properties)
        ? Math.Max(delivery.Body.Length, SaidSize(delivery.Body.Span))
        : delivery.Body.Length;

    /// <summary>Whether the body is the raw message itself.</summary>
    public static bool IsPlainMail(QueuedMessage delivery) =>
        !IsJson(delivery.Properties.ContentType)
        && !IsGzip(delivery.Properties)
        && !HasUnknownEncoding(delivery.Properties);

    private static bool IsJson(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var parsed)
        && parsed.MediaType is { } type
        && (type.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || type.EndsWith("+json", StringComparison.OrdinalIgnoreCase));

    // Publishers of JSON that say nothing of its type, or what their library says by itself. No mail begins like that:
    // it would have a header field of such a name, and be an object with a string mime all the same.
    private static bool MayBeJson(string? contentType, ReadOnlySpan<byte> body) =>
        contentType is null or "" or "text/plain" or "application/octet-stream" && body is [(byte)'{', ..];

    private static bool IsGzip(IReadOnlyBasicProperties properties) =>
        properties.ContentEncoding?.Trim().ToLowerInvariant() is "gzip" or "x-gzip";

    // Clients put the charset there, or nothing of meaning; all of these say that the bytes are the message.
    private static bool HasUnknownEncoding(IReadOnlyBasicProperties properties) =>
        properties.ContentEncoding?.Trim().ToLowerInvariant() is not
            (null or "" or "identity" or "binary" or "7bit" or "8bit" or "utf-8" or "utf8" or "us-ascii");

    private static ReadOnlyMemory<byte>? Decompress(ReadOnlyMemory<byte> body, long maxBytes, out string? untouched)
    {
        untouched = null;
        var said = SaidSize(body.Span);
        try
        {
            using var gzip = new GZipStream(
                new MemoryStream(body.ToArray(), writable: false), CompressionMode.Decompress);
            using var plain = new MemoryStream();
            var buffer = new byte[CopySize];
            while (plain.Length <= said && gzip.Read(buffer) is > 0 and var length)
            {
                if (plain.Length + length > maxBytes)
                {
                    untouched = QueueUntouched.TooLarge;
                    return null;
                }

                plain.Write(buffer.AsSpan(0, length));
            }

            // One that is cut off may read as what there is, without an error.
            if (plain.Length == 0 || plain.Length != said)
            {
                untouched = QueueUntouched.MalformedGzip;
                return null;
            }

            return plain.GetBuffer().AsMemory(0, (int)plain.Length);
        }
        catch (Exception malformed) when (malformed is InvalidDataException or EndOfStreamException)
        {
            untouched = QueueUntouched.MalformedGzip;
            return null;
        }
    }

    // RFC 1952 2.3.1: the last four bytes are the length, modulo 2^32.
    private static uint SaidSize(ReadOnlySpan<byte> gzip) =>
        gzip.Length < GzipTrailer ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(gzip[^4..]);

    private static ReadOnlyMemory<byte> Compress(ReadOnlyMemory<byte> body)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(body.Span);
        }

        return output.GetBuffer().AsMemory(0, (int)output.Length);
    }
}

using System.Buffers.Binary;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using RabbitMQ.Client;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// Extracts the mail from a body and puts rewritten mail into a body of the same form: raw bytes or JSON, each plain or
/// compressed by gzip.
/// </summary>
internal sealed class OpenBody
{
    private const int CopySize = 64 * 1024;

    private const int GzipTrailer = 8;

    // The highest compression of Deflate: 258 bytes for two bits.
    private const int BestRatio = 1032;

    private bool _isCompressed;
    private JsonForm? _json;

    private readonly RewriteLimits _limits;
    private MessageHeader? _header;

    private OpenBody(RewriteLimits limits) => _limits = limits;

    /// <summary>The raw message.</summary>
    public ReadOnlyMemory<byte> Mail { get; private set; }

    /// <summary>The message's own header.</summary>
    public MessageHeader Header => _header ??= MessageHeader.Read(Mail, _limits);

    /// <summary>The envelope sender that the body names.</summary>
    public string? Sender => _json?.Envelope;

    /// <summary>The recipient that the body names.</summary>
    public string? Recipient => _json?.Recipient;

    /// <summary>Opens a body.</summary>
    /// <param name="delivery">The delivery.</param>
    /// <param name="options">The limits of messages and bodies.</param>
    /// <param name="untouched">Why the body is not rewritten.</param>
    /// <returns><see langword="null"/> when the body is not rewritten.</returns>
    public static OpenBody? Of(QueuedMessage delivery, RewriteOptions options, out Untouched? untouched)
    {
        var isJson = IsJson(delivery.Properties.ContentType);
        var maxBytes = MaxBytes(delivery, options);
        var body = delivery.Body;
        var opened = new OpenBody(options.Limits) { _isCompressed = IsGzip(delivery.Properties) };
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
            untouched = Untouched.UnknownContentEncoding;
            return null;
        }

        untouched = body.Length > maxBytes ? Untouched.TooLarge : null;
        if (untouched is not null)
        {
            return null;
        }

        opened.Mail = body;
        if (isJson || MayBeJson(delivery.Properties.ContentType, body.Span))
        {
            opened._json = JsonForm.Read(body, options.MaxMessageBytes, out untouched);
            if (opened._json is null && (isJson || untouched == Untouched.TooLarge))
            {
                return null;
            }

            opened.Mail = opened._json?.Mail ?? body;
        }

        untouched = opened.Mail.Length > options.MaxMessageBytes ? Untouched.TooLarge : null;
        return untouched is null ? opened : null;
    }

    /// <summary>The body with another message. Equal messages give equal bytes.</summary>
    /// <returns><see langword="null"/> when JSON cannot contain the message, because the message is not
    /// UTF-8.</returns>
    public ReadOnlyMemory<byte>? With(ReadOnlyMemory<byte> mail)
    {
        if (_json is null && !_isCompressed)
        {
            return mail;
        }

        var output = new MemoryStream();
        using (var gzip = _isCompressed ? new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true) : null)
        {
            var plain = gzip ?? (Stream)output;
            if (_json is null)
            {
                plain.Write(mail.Span);
            }
            else if (!_json.TryWrite(plain, mail.Span))
            {
                return null;
            }
        }

        return output.GetBuffer().AsMemory(0, (int)output.Length);
    }

    /// <summary>The size of the open body in bytes, as the body states it; <see cref="Of"/> enforces that size. A body
    /// that is too large to be opened has its own size.</summary>
    public static long SizeOf(QueuedMessage delivery, RewriteOptions options) =>
        IsGzip(delivery.Properties) && SaidSize(delivery.Body.Span) is var said && said <= MaxBytes(delivery, options)
            ? Math.Max(delivery.Body.Length, said)
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

    // Some publishers of JSON give no type, or their library's default. No mail begins like an object: a mail would
    // need a header field of that name, and the object must also have a string mime.
    private static bool MayBeJson(string? contentType, ReadOnlySpan<byte> body) =>
        contentType is null or "" or "text/plain" or "application/octet-stream" && body is [(byte)'{', ..];

    private static bool IsGzip(IReadOnlyBasicProperties properties) =>
        properties.ContentEncoding?.Trim().ToLowerInvariant() is "gzip" or "x-gzip";

    // Some clients put the charset here, or a meaningless value. All of these values mean that the bytes are the
    // message.
    private static bool HasUnknownEncoding(IReadOnlyBasicProperties properties) =>
        properties.ContentEncoding?.Trim().ToLowerInvariant() is not
            (null or "" or "identity" or "binary" or "7bit" or "8bit" or "utf-8" or "utf8" or "us-ascii");

    private static int MaxBytes(QueuedMessage delivery, RewriteOptions options) =>
        IsJson(delivery.Properties.ContentType) ? options.Queue.MaxBodyBytes : options.MaxMessageBytes;

    private static ReadOnlyMemory<byte>? Decompress(ReadOnlyMemory<byte> body, int maxBytes, out Untouched? untouched)
    {
        try
        {
            using var gzip = new GZipStream(Stream(body), CompressionMode.Decompress);
            var said = SaidSize(body.Span);
            if (said > maxBytes)
            {
                untouched = IsLargerThan(maxBytes, gzip) ? Untouched.TooLarge : Untouched.MalformedGzip;
                return null;
            }

            // Memory is taken once, and for no more than the body can contain.
            untouched = Untouched.MalformedGzip;
            if (said == 0 || said > (long)body.Length * BestRatio)
            {
                return null;
            }

            var plain = GC.AllocateUninitializedArray<byte>((int)said);
            // Reading a truncated gzip body may succeed with fewer bytes.
            if (gzip.ReadAtLeast(plain, plain.Length, throwOnEndOfStream: false) < plain.Length || gzip.ReadByte() >= 0)
            {
                return null;
            }

            untouched = null;
            return plain;
        }
        catch (InvalidDataException)
        {
            untouched = Untouched.MalformedGzip;
            return null;
        }
    }

    // A body's stated size is used only after it has been confirmed.
    private static bool IsLargerThan(int maxBytes, GZipStream gzip)
    {
        var buffer = new byte[CopySize];
        var bytes = 0L;
        while (bytes <= maxBytes && gzip.Read(buffer) is > 0 and var length)
        {
            bytes += length;
        }

        return bytes > maxBytes;
    }

    private static MemoryStream Stream(ReadOnlyMemory<byte> body) =>
        MemoryMarshal.TryGetArray(body, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(body.ToArray(), writable: false);

    // RFC 1952 2.3.1: the last four bytes are the length, modulo 2^32.
    private static uint SaidSize(ReadOnlySpan<byte> gzip) =>
        gzip.Length < GzipTrailer ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(gzip[^4..]);
}

using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tracking.Api;
using Tracking.Rewrite.Memory;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Http;

/// <summary>Reads the message from a request's body, within limits of size, time and free memory.</summary>
internal static class ReadMessageBody
{
    // Most messages fit into this size. A larger message doubles the size each time.
    private const int FirstBytes = 16 * 1024;

    // The number of bytes of a refused body that are read and dropped, as a multiple of the largest message. Four
    // covers a client that is slightly over the limit, and costs no more than four accepted messages.
    private const long RestToRead = 4;

    // Most HTTP clients wait this long for an answer.
    private static readonly TimeSpan _longestRest = TimeSpan.FromSeconds(30);

    /// <summary>Returns the message, or the reason for refusing it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="memory">Counts the message's bytes until it is disposed.</param>
    /// <param name="options">The limits.</param>
    /// <param name="time">The clock for the body's time limit.</param>
    public static async Task<(ReadOnlyMemory<byte> Message, Problem? Refusal)> ReadAsync(
        HttpContext context, RequestMemory memory, RewriteOptions options, TimeProvider time)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            // The bytes are counted below: the server's own limit would break the connection before the client reads
            // the answer.
            limit.MaxRequestBodySize = null;
        }

        if (context.Request.ContentLength > options.MaxMessageBytes)
        {
            return (default, Problems.TooLarge("message", options.MaxMessageBytes));
        }

        using var ends = new CancellationTokenSource(options.BodyTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ends.Token, context.RequestAborted);
        try
        {
            var (message, refusal) = await ReadAllAsync(context.Request, memory, options, either.Token);
            return refusal is null ? (message, NotMail(message.Span)) : (default, refusal);
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested
            && !context.RequestAborted.IsCancellationRequested)
        {
            return (default, Problems.TooSlow("message", options.BodyTimeout));
        }
    }

    /// <summary>Answers with the refusal, then reads the rest of the body and drops it.</summary>
    /// <remarks>Most clients send the whole body before they read anything. If the server closed the connection, they
    /// would see a broken pipe instead of the reason. So the answer is sent first, and the rest is read and dropped,
    /// within limits of bytes and time. A client that asks first (100-continue) does not get the permission to
    /// send.</remarks>
    public static async Task RefuseUnreadAsync(HttpContext context, Problem refusal, int maxBytes)
    {
        await refusal.ExecuteAsync(context);
        await context.Response.CompleteAsync();
        if (context.Request.Headers.Expect.Count > 0)
        {
            return;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        limit.CancelAfter(_longestRest);
        var body = context.Request.BodyReader;
        try
        {
            for (var bytes = RestToRead * maxBytes; bytes > 0;)
            {
                var arrived = await body.ReadAsync(limit.Token);
                bytes -= arrived.Buffer.Length;
                body.AdvanceTo(arrived.Buffer.End);
                if (arrived.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // The connection closes now; the client has received its answer.
        }
    }

    private static async Task<(ReadOnlyMemory<byte> Message, Problem? Refusal)> ReadAllAsync(
        HttpRequest request, RequestMemory memory, RewriteOptions options, CancellationToken cancellationToken)
    {
        var (message, length) = (Array.Empty<byte>(), 0);
        while (true)
        {
            var arrived = await request.BodyReader.ReadAsync(cancellationToken);
            if (length + arrived.Buffer.Length > options.MaxMessageBytes)
            {
                request.BodyReader.AdvanceTo(arrived.Buffer.End);
                return (default, Problems.TooLarge("message", options.MaxMessageBytes));
            }

            var end = length + (int)arrived.Buffer.Length;
            if (end > message.Length)
            {
                var size = Size(message.Length, end, (int)(request.ContentLength ?? options.MaxMessageBytes));
                if (Refusal(memory.Take(size - message.Length), options) is { } refusal)
                {
                    request.BodyReader.AdvanceTo(arrived.Buffer.End);
                    return (default, refusal);
                }

                Array.Resize(ref message, size);
            }

            arrived.Buffer.CopyTo(message.AsSpan(length));
            length = end;
            request.BodyReader.AdvanceTo(arrived.Buffer.End);
            if (arrived.IsCompleted)
            {
                return (message.AsMemory(0, length), null);
            }
        }
    }

    // The announced size limits how much memory is taken in advance. It limits nothing else.
    private static int Size(int now, int needed, int most) =>
        (int)Math.Max(needed, Math.Min(most, Math.Max(FirstBytes, 2L * now)));

    private static Problem? Refusal(MemoryAnswer answer, RewriteOptions options) => answer switch
    {
        MemoryAnswer.NoneFree => Problems.Busy(
            "Messages in progress take all the memory that they may", options.RetryAfter),
        MemoryAnswer.KeyHasItsShare => Problems.TooMany(
            $"{options.MaxKeyBytesAtOnce} bytes of messages at a time with one API key", options.RetryAfter),
        _ => null,
    };

    private static Problem? NotMail(ReadOnlySpan<byte> message) =>
        message.IsEmpty
            ? Problems.Malformed("body: is empty, takes a message as in RFC 5322.")
            : BeginsWithHeader(message)
                ? null
                : Problems.Malformed(
                    "body: does not begin with a header field like \"From: …\", takes a message as in RFC 5322.");

    // RFC 5322 3.6.8 allows a field name to begin with any character, even a brace. In mail it is a letter or digit. So
    // a client that sends JSON here by mistake gets a clear error.
    private static bool BeginsWithHeader(ReadOnlySpan<byte> message)
    {
        var header = HeaderReader.OfMessage(message);
        return header.Read() == HeaderStep.Field && char.IsAsciiLetterOrDigit((char)header.Name[0]);
    }
}

using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tracking.Api;
using Tracking.Rewrite.Memory;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Http;

/// <summary>Reads the message out of a request's body: up to a number of bytes, for a time, and while memory is
/// free.</summary>
internal static class ReadMessageBody
{
    // As most messages are; then twice as much each time.
    private const int FirstBytes = 16 * 1024;

    // How much of a refused body is read and dropped, in sizes of the largest message: four times covers whoever is a
    // little over, and costs no more than four messages that are not.
    private const long RestToRead = 4;

    // As long as most HTTP clients wait for an answer.
    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(30);

    /// <summary>The message, or why it is not taken.</summary>
    /// <param name="context">The request.</param>
    /// <param name="memory">Holds the message's bytes until it is disposed.</param>
    /// <param name="options">The limits.</param>
    /// <param name="time">Ends a body that does not end itself.</param>
    public static async Task<(ReadOnlyMemory<byte> Message, Problem? Refusal)> ReadAsync(
        HttpContext context, RequestMemory memory, RewriteOptions options, TimeProvider time)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            // Counted here: the server's own limit would break the connection before the answer is read.
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
        catch (OperationCanceledException) when (ends.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            return (default, Problems.TooSlow("message", options.BodyTimeout));
        }
    }

    /// <summary>Answers with the refusal, then reads the rest of the body and drops it.</summary>
    /// <remarks>Most clients send all of a body before they read anything: closing on them shows a broken pipe instead
    /// of the reason. So the answer goes out first and the rest is read and dropped, within bounds of bytes and time. A
    /// client that asks first (100-continue) is not told to go on.</remarks>
    public static async Task RefuseUnreadAsync(HttpContext context, Problem refusal, int maxBytes)
    {
        await refusal.ExecuteAsync(context);
        await context.Response.CompleteAsync();
        if (context.Request.Headers.Expect.Count > 0)
        {
            return;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        limit.CancelAfter(LongestRest);
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
            // Closed now; the client has had its answer.
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

    // What is announced bounds what is taken beforehand, and nothing else.
    private static int Size(int now, int needed, int most) =>
        (int)Math.Max(needed, Math.Min(most, Math.Max(FirstBytes, 2L * now)));

    private static Problem? Refusal(MemoryAnswer answer, RewriteOptions options) => answer switch
    {
        MemoryAnswer.NoneFree => Problems.Busy(
            "Messages on their way take all the memory that they may", options.RetryAfter),
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

    // RFC 5322 3.6.8 would let a field name begin with any character, a brace for one; in mail it is a letter or digit,
    // and JSON sent here by mistake is told so.
    private static bool BeginsWithHeader(ReadOnlySpan<byte> message)
    {
        var header = HeaderReader.OfMessage(message);
        return header.Read() == HeaderStep.Field && char.IsAsciiLetterOrDigit((char)header.Name[0]);
    }
}

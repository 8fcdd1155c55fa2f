using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tracking.Rewrite.Mime;
using Tracking.ServiceDefaults;

namespace Tracking.Rewrite.Http;

/// <summary>Reads the message out of a request's body, up to a number of bytes.</summary>
internal static class ReadMessageBody
{
    // What the system copies a socket's data in.
    private const int ReadSize = 64 * 1024;

    // How much of a refused body is read and dropped, in sizes of the largest message: four times covers whoever is a
    // little over, and costs no more than four messages that are not.
    private const long RestToRead = 4;

    // As long as most HTTP clients wait for an answer.
    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(30);

    /// <summary>The message, or why it is not taken. A refusal for its size leaves the body unread.</summary>
    public static async Task<(ReadOnlyMemory<byte> Message, Problem? Refusal)> ReadAsync(
        HttpContext context, int maxBytes)
    {
        var tooLarge = Problems.TooLarge("message", maxBytes);
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            // Counted here: the server's own limit would break the connection before the answer is read.
            limit.MaxRequestBodySize = null;
        }

        if (context.Request.ContentLength > maxBytes)
        {
            return (default, tooLarge);
        }

        // The length that a client announces is its word only: memory is taken as bytes arrive.
        using var body = new MemoryStream((int)Math.Min(context.Request.ContentLength ?? 0, 1 << 20));
        var buffer = new byte[ReadSize];
        while (await context.Request.Body.ReadAsync(buffer, context.RequestAborted) is > 0 and var length)
        {
            if (body.Length + length > maxBytes)
            {
                return (default, tooLarge);
            }

            body.Write(buffer, 0, length);
        }

        var message = body.GetBuffer().AsMemory(0, (int)body.Length);
        return message.Length == 0
            ? (default, Problems.Malformed("body: is empty, takes a message as in RFC 5322."))
            : BeginsWithHeader(message.Span)
                ? (message, null)
                : (default, Problems.Malformed(
                    "body: does not begin with a header field like \"From: …\", takes a message as in RFC 5322."));
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
        var bytes = RestToRead * maxBytes;
        var buffer = new byte[ReadSize];
        try
        {
            while (bytes > 0 && await context.Request.Body.ReadAsync(buffer, limit.Token) is > 0 and var length)
            {
                bytes -= length;
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // Closed now; the client has had its answer.
        }
    }

    // RFC 5322 3.6.8 would let a field name begin with any character, a brace for one; in mail it is a letter or digit,
    // and JSON sent here by mistake is told so.
    private static bool BeginsWithHeader(ReadOnlySpan<byte> message)
    {
        var header = HeaderReader.OfMessage(message);
        return header.Read() == HeaderStep.Field && char.IsAsciiLetterOrDigit((char)header.Name[0]);
    }
}

using System.Text;
using System.Text.Json;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// A message as a JSON object: <c>{"envelope": …, "recipient": …, "mime": …}</c> with whatever else its publisher put
/// there. Only the string <c>mime</c> is read as mail and replaced; every other byte of the object stays.
/// </summary>
internal sealed class JsonForm
{
    // The reader keeps one bit a level; deeper than this is nothing that anybody writes.
    private const int MaxDepth = 10_000;

    private static readonly byte[] _byteOrderMark = [0xef, 0xbb, 0xbf];

    private readonly ReadOnlyMemory<byte> _body;
    private readonly Range _mime;

    private JsonForm(ReadOnlyMemory<byte> body, Range mime, byte[] mail) => (_body, _mime, Mail) = (body, mime, mail);

    /// <summary>The raw message that stands in <c>mime</c>, as UTF-8.</summary>
    public ReadOnlyMemory<byte> Mail { get; }

    /// <summary><c>envelope</c>: the envelope sender, when it is a string.</summary>
    public string? Envelope { get; private init; }

    /// <summary><c>recipient</c>, when it is a string.</summary>
    public string? Recipient { get; private init; }

    /// <summary>Reads the object.</summary>
    /// <param name="body">UTF-8, with or without a byte order mark.</param>
    /// <param name="untouched">Why there is nothing to rewrite; one of <see cref="QueueUntouched"/>.</param>
    /// <returns><see langword="null"/> when there is nothing to rewrite.</returns>
    public static JsonForm? Read(ReadOnlyMemory<byte> body, out string? untouched)
    {
        try
        {
            return ReadObject(body, out untouched);
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            // The reader reports half a surrogate pair as an invalid operation.
            untouched = QueueUntouched.MalformedJson;
            return null;
        }
    }

    /// <summary>The object with another message in it.</summary>
    /// <returns><see langword="null"/> when the message cannot stand in a JSON string: it is not UTF-8.</returns>
    public ReadOnlyMemory<byte>? With(ReadOnlySpan<byte> mail)
    {
        if (!System.Text.Unicode.Utf8.IsValid(mail))
        {
            return null;
        }

        var (start, length) = _mime.GetOffsetAndLength(_body.Length);
        var output = new MemoryStream(_body.Length - length + mail.Length + (mail.Length / 16) + 2);
        output.Write(_body.Span[..start]);
        WriteString(output, mail);
        output.Write(_body.Span[(start + length)..]);
        return output.GetBuffer().AsMemory(0, (int)output.Length);
    }

    private static JsonForm? ReadObject(ReadOnlyMemory<byte> body, out string? untouched)
    {
        var skipped = body.Span.StartsWith(_byteOrderMark) ? _byteOrderMark.Length : 0;
        var reader = new Utf8JsonReader(
            body.Span[skipped..], new JsonReaderOptions { MaxDepth = MaxDepth, CommentHandling = JsonCommentHandling.Disallow });
        untouched = QueueUntouched.NoMime;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return null;
        }

        byte[]? mail = null;
        Range mime = default;
        string? envelope = null, recipient = null;
        var mimes = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isMime = reader.ValueTextEquals("mime"u8);
            var isEnvelope = reader.ValueTextEquals("envelope"u8);
            var isRecipient = reader.ValueTextEquals("recipient"u8);
            reader.Read();
            if (isMime)
            {
                mimes++;
            }

            if (reader.TokenType == JsonTokenType.String)
            {
                if (isMime)
                {
                    mime = (skipped + (int)reader.TokenStartIndex)..(skipped + (int)reader.BytesConsumed);
                    mail = Unescaped(ref reader);
                }
                else if (isEnvelope)
                {
                    envelope = reader.GetString();
                }
                else if (isRecipient)
                {
                    recipient = reader.GetString();
                }
            }

            reader.Skip();
        }

        // To the end: what comes behind the object, or is missing from it, makes all of it something else.
        while (reader.Read())
        {
        }

        if (mimes > 1)
        {
            // Which of them the next reader takes is anybody's guess.
            untouched = QueueUntouched.SeveralMimes;
            return null;
        }

        if (mail is null)
        {
            return null;
        }

        untouched = null;
        return new JsonForm(body, mime, mail) { Envelope = envelope, Recipient = recipient };
    }

    private static byte[] Unescaped(ref Utf8JsonReader reader)
    {
        var buffer = new byte[reader.ValueSpan.Length];
        var length = reader.CopyString(buffer);
        return length == buffer.Length ? buffer : buffer[..length];
    }

    // RFC 8259 7: quote, backslash and control characters must be escaped, nothing else.
    private static void WriteString(MemoryStream output, ReadOnlySpan<byte> text)
    {
        output.WriteByte((byte)'"');
        while (text.IndexOfAny(_escaped) is >= 0 and var next)
        {
            output.Write(text[..next]);
            switch (text[next])
            {
                case (byte)'\r':
                    output.Write("\\r"u8);
                    break;
                case (byte)'\n':
                    output.Write("\\n"u8);
                    break;
                case (byte)'\t':
                    output.Write("\\t"u8);
                    break;
                case (byte)'"':
                    output.Write("\\\""u8);
                    break;
                case (byte)'\\':
                    output.Write("\\\\"u8);
                    break;
                case var control:
                    output.Write(Encoding.ASCII.GetBytes($"\\u{control:x4}"));
                    break;
            }

            text = text[(next + 1)..];
        }

        output.Write(text);
        output.WriteByte((byte)'"');
    }

    private static readonly System.Buffers.SearchValues<byte> _escaped = System.Buffers.SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(control => (byte)control), (byte)'"', (byte)'\\']);
}

using System.Text.Json;
using System.Text.Unicode;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// A message as a JSON object: <c>{"envelope": …, "recipient": …, "mime": …}</c> with any further members. Only the
/// string <c>mime</c> is read as mail and replaced. Every other byte of the object stays.
/// </summary>
internal sealed class JsonForm
{
    // The reader keeps one bit per level. No real publisher nests deeper.
    private const int MaxDepth = 10_000;

    // A character takes at most the six bytes of \u000a.
    private const int LongestName = 6 * MessageMetadata.MaxTextLength;

    private static readonly byte[] _byteOrderMark = [0xef, 0xbb, 0xbf];

    private readonly ReadOnlyMemory<byte> _body;
    private readonly Range _mime;

    private JsonForm(ReadOnlyMemory<byte> body, Range mime, ReadOnlyMemory<byte> mail) =>
        (_body, _mime, Mail) = (body, mime, mail);

    /// <summary>The raw message of <c>mime</c>, as UTF-8.</summary>
    public ReadOnlyMemory<byte> Mail { get; }

    /// <summary><c>envelope</c>: the envelope sender, when it is a string.</summary>
    public string? Envelope { get; private init; }

    /// <summary><c>recipient</c>, when it is a string.</summary>
    public string? Recipient { get; private init; }

    /// <summary>Reads the object.</summary>
    /// <param name="body">UTF-8, with or without a byte order mark.</param>
    /// <param name="maxMailBytes">The size of the largest accepted message.</param>
    /// <param name="untouched">Why the object is not rewritten; one of <see cref="Untouched"/>.</param>
    /// <returns><see langword="null"/> when the object is not rewritten.</returns>
    public static JsonForm? Read(ReadOnlyMemory<byte> body, int maxMailBytes, out Untouched? untouched)
    {
        try
        {
            return ReadObject(body, maxMailBytes, out untouched);
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            // The reader reports half a surrogate pair as an InvalidOperationException.
            untouched = Untouched.MalformedJson;
            return null;
        }
    }

    /// <summary>Writes the object with another message.</summary>
    /// <returns>Whether the message fits into a JSON string. A message that is not UTF-8 does not, and nothing is
    /// written.</returns>
    public bool TryWrite(Stream output, ReadOnlySpan<byte> mail)
    {
        if (!Utf8.IsValid(mail))
        {
            return false;
        }

        output.Write(_body.Span[.._mime.Start.Value]);
        JsonText.Write(output, mail);
        output.Write(_body.Span[_mime.End.Value..]);
        return true;
    }

    private static JsonForm? ReadObject(ReadOnlyMemory<byte> body, int maxMailBytes, out Untouched? untouched)
    {
        var skipped = body.Span.StartsWith(_byteOrderMark) ? _byteOrderMark.Length : 0;
        var reader = new Utf8JsonReader(
            body.Span[skipped..],
            new JsonReaderOptions { MaxDepth = MaxDepth, CommentHandling = JsonCommentHandling.Disallow });
        untouched = Untouched.NoMime;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return null;
        }

        ReadOnlyMemory<byte>? mail = null;
        Range mime = default;
        string? envelope = null, recipient = null;
        var (mimes, isTooLarge) = (0, false);
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
                    isTooLarge = JsonText.LengthOf(reader.ValueSpan) > maxMailBytes;
                    mail = isTooLarge || mimes > 1 ? default : Unescaped(ref reader);
                }
                else if (reader.ValueSpan.Length > LongestName)
                {
                    // The value is not an address.
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

        // Reads to the end: text behind the object, or an incomplete object, makes the body invalid.
        while (reader.Read())
        {
        }

        if (mimes > 1)
        {
            // The next reader could take either of them.
            untouched = Untouched.SeveralMimes;
            return null;
        }

        if (mail is null)
        {
            return null;
        }

        if (isTooLarge)
        {
            untouched = Untouched.TooLarge;
            return null;
        }

        untouched = null;
        return new JsonForm(body, mime, mail.Value) { Envelope = envelope, Recipient = recipient };
    }

    private static ReadOnlyMemory<byte> Unescaped(ref Utf8JsonReader reader)
    {
        // .NET 10 requires one byte more than it writes when text follows an escape.
        var mail = new byte[JsonText.LengthOf(reader.ValueSpan) + 1];
        return mail.AsMemory(0, reader.CopyString(mail));
    }
}

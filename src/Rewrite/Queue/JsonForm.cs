using System.Text.Json;
using System.Text.Unicode;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Queue;

/// <summary>
/// A message as a JSON object: <c>{"envelope": …, "recipient": …, "mime": …}</c> with whatever else its publisher put
/// there. Only the string <c>mime</c> is read as mail and replaced; every other byte of the object stays.
/// </summary>
internal sealed class JsonForm
{
    // The reader keeps one bit a level; deeper than this is nothing that anybody writes.
    private const int MaxDepth = 10_000;

    // No character takes more than the six bytes of \u000a.
    private const int LongestName = 6 * MessageMetadata.MaxTextLength;

    private static readonly byte[] _byteOrderMark = [0xef, 0xbb, 0xbf];

    private readonly ReadOnlyMemory<byte> _body;
    private readonly Range _mime;

    private JsonForm(ReadOnlyMemory<byte> body, Range mime, ReadOnlyMemory<byte> mail) =>
        (_body, _mime, Mail) = (body, mime, mail);

    /// <summary>The raw message that stands in <c>mime</c>, as UTF-8.</summary>
    public ReadOnlyMemory<byte> Mail { get; }

    /// <summary><c>envelope</c>: the envelope sender, when it is a string.</summary>
    public string? Envelope { get; private init; }

    /// <summary><c>recipient</c>, when it is a string.</summary>
    public string? Recipient { get; private init; }

    /// <summary>Reads the object.</summary>
    /// <param name="body">UTF-8, with or without a byte order mark.</param>
    /// <param name="maxMailBytes">The largest message taken.</param>
    /// <param name="untouched">Why there is nothing to rewrite; one of <see cref="Untouched"/>.</param>
    /// <returns><see langword="null"/> when there is nothing to rewrite.</returns>
    public static JsonForm? Read(ReadOnlyMemory<byte> body, int maxMailBytes, out Untouched? untouched)
    {
        try
        {
            return ReadObject(body, maxMailBytes, out untouched);
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            // The reader reports half a surrogate pair as an invalid operation.
            untouched = Untouched.MalformedJson;
            return null;
        }
    }

    /// <summary>Writes the object with another message in it.</summary>
    /// <returns>Whether the message can stand in a JSON string; one that is not UTF-8 cannot, and nothing is
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
            body.Span[skipped..], new JsonReaderOptions { MaxDepth = MaxDepth, CommentHandling = JsonCommentHandling.Disallow });
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
                    // No address.
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
        // .NET 10 asks for one byte more than it writes where text follows an escape.
        var mail = new byte[JsonText.LengthOf(reader.ValueSpan) + 1];
        return mail.AsMemory(0, reader.CopyString(mail));
    }
}

using MimeKit;
using MimeKit.Text;

namespace Tracking.DomainVerifier.Notices;

/// <summary>Writes a notice as a mail. The bytes are the same each time, so mail programs recognise a second
/// copy.</summary>
internal static class WriteMail
{
    /// <summary>Writes the mail.</summary>
    /// <param name="notice">The notice.</param>
    /// <param name="recipient">The recipient's address.</param>
    /// <param name="options">The sender, and the console.</param>
    /// <exception cref="ParseException">The recipient is no mail address. (The sender was checked at
    /// start.)</exception>
    public static MimeMessage For(ClaimedNotice notice, string recipient, NoticeOptions options)
    {
        var (subject, body) = NoticeText.Write(notice, options.ConsoleUrl);
        var from = MailboxAddress.Parse(options.From!);
        var message = new MimeMessage
        {
            Subject = subject,
            // The date of the event, which is the same in every attempt.
            Date = notice.At,
            // Mailing lists and mail programs identify a message by its Message-ID, so every recipient gets the same
            // id.
            MessageId = $"{notice.Id:N}@{from.Domain}",
            Body = new MultipartAlternative
            {
                Part(TextFormat.Plain, body.Text),
                Part(TextFormat.Html, body.Html),
            },
        };
        ((Multipart)message.Body).Boundary = $"=_{notice.Id:N}";
        message.From.Add(from);
        message.To.Add(MailboxAddress.Parse(recipient));

        // This header prevents automatic replies (RFC 3834 5).
        message.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");
        return message;
    }

    // 8bit if the server accepts it (RFC 6152). Otherwise MailKit encodes the parts.
    private static TextPart Part(TextFormat format, string text) =>
        new(format) { Text = text, ContentTransferEncoding = ContentEncoding.EightBit };
}

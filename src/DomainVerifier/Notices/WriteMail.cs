using MimeKit;
using MimeKit.Text;

namespace Tracking.DomainVerifier.Notices;

/// <summary>A notice as a mail: the same bytes each time, so that a second copy is recognised as one.</summary>
internal static class WriteMail
{
    /// <summary>Writes it.</summary>
    /// <param name="notice">The notice.</param>
    /// <param name="recipient">Who gets it.</param>
    /// <param name="options">The sender, and the console.</param>
    /// <exception cref="ParseException">The recipient is no address; the sender has been checked at start.</exception>
    public static MimeMessage For(ClaimedNotice notice, string recipient, NoticeOptions options)
    {
        var (subject, body) = NoticeText.Write(notice, options.ConsoleUrl);
        var from = MailboxAddress.Parse(options.From!);
        var message = new MimeMessage
        {
            Subject = subject,
            // When it happened, and the same on every attempt.
            Date = notice.At,
            // Mailing lists and mail programs know a message by it: everybody gets the same.
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

        // Nobody's absence note answers it (RFC 3834 5).
        message.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");
        return message;
    }

    // 8bit where the server takes it (RFC 6152); MailKit encodes it otherwise where it does not.
    private static TextPart Part(TextFormat format, string text) =>
        new(format) { Text = text, ContentTransferEncoding = ContentEncoding.EightBit };
}

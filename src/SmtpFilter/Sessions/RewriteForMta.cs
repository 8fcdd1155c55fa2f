using Tracking.Rewrite.Doors;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;

namespace Tracking.SmtpFilter.Sessions;

/// <summary>Rewrites a message within its SMTP transaction.</summary>
internal static class RewriteForMta
{
    /// <summary>Rewrites the message. If only the rewritten form is too large for the next hop, the message goes out
    /// without tracking.</summary>
    /// <param name="track">The rewriter.</param>
    /// <param name="message">The message.</param>
    /// <param name="envelope">The envelope. With several recipients none is named, because they share one
    /// identity.</param>
    /// <param name="most">The next hop's limit in bytes; 0 for none.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns><see langword="null"/> when the MTA should try again later.</returns>
    public static async Task<TrackedMail?> RunAsync(
        TrackMail track,
        ReadOnlyMemory<byte> message,
        Envelope envelope,
        long most,
        CancellationToken cancellationToken)
    {
        var header = track.Read(message);
        var mail = await track.OnceAsync(
            header,
            new MessageMetadata
            {
                Sender = TrackMail.Address(envelope.Sender),
                Recipient = envelope.Recipients is [var only] ? TrackMail.Address(only) : null,
            },
            cancellationToken);
        return mail is not null && most > 0 && mail.Mail.Length > most && message.Length <= most
            ? track.PassThrough(header, Untouched.OutputTooLarge)
            : mail;
    }
}

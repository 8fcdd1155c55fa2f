using System.Globalization;
using Tracking.SmtpFilter.Wire;

namespace Tracking.SmtpFilter.Sessions;

/// <content>The envelope: sender and recipients.</content>
internal sealed partial class FilterSession
{
    private async Task TakeSenderAsync(ReadOnlyMemory<byte> line, CancellationToken cancellationToken)
    {
        if (_envelope is not null)
        {
            Refuse("503 5.5.1 A sender is there already", "order");
            return;
        }

        if (SmtpPath.Read(line.Span, out var parameters) is not { } sender)
        {
            Refuse("501 5.5.4 Takes MAIL FROM:<address>", "syntax");
            return;
        }

        foreach (var parameter in parameters)
        {
            if (parameter.Equals("BODY=BINARYMIME", StringComparison.OrdinalIgnoreCase))
            {
                Refuse("555 5.5.4 BODY=BINARYMIME is not offered", "syntax");
                return;
            }

            if (parameter.StartsWith("SIZE=", StringComparison.OrdinalIgnoreCase)
                && long.TryParse(parameter.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var size)
                && size > options.MaxMessageBytes)
            {
                Answer($"552 5.3.4 A message has at most {options.MaxMessageBytes} bytes");
                telemetry.Refused(Door, "size");
                return;
            }
        }

        var reply = await ForwardAsync(line, cancellationToken);
        if (reply.IsPositive)
        {
            _envelope = new Envelope(sender);
        }

        Answer(reply);
    }

    private async Task TakeRecipientAsync(ReadOnlyMemory<byte> line, CancellationToken cancellationToken)
    {
        if (_envelope is not { } envelope)
        {
            Refuse("503 5.5.1 MAIL comes first", "order");
            return;
        }

        if (SmtpPath.Read(line.Span, out _) is not { Length: > 0 } recipient)
        {
            Refuse("501 5.5.4 Takes RCPT TO:<address>", "syntax");
            return;
        }

        if (envelope.Recipients.Count >= options.MaxRecipients)
        {
            // RFC 5321 4.5.3.1.10: the MTA sends them with the next message.
            Answer("452 4.5.3 Too many recipients");
            telemetry.Refused(Door, "recipients");
            return;
        }

        var reply = await ForwardAsync(line, cancellationToken);
        if (reply.IsPositive)
        {
            envelope.Recipients.Add(recipient);
        }

        Answer(reply);
    }
}

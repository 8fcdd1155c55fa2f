namespace Tracking.SmtpFilter.Wire;

/// <summary>Writes a message after <c>DATA</c> (RFC 5321 4.5.2): lines that begin with a dot get a second one, and a
/// line with only a dot ends the message.</summary>
internal static class WriteData
{
    /// <summary>Writes a message with its end.</summary>
    public static void To(SmtpStream output, ReadOnlySpan<byte> message)
    {
        var end = message.EndsWith("\r\n"u8) || message.IsEmpty ? ".\r\n"u8 : "\r\n.\r\n"u8;
        if (message is [(byte)'.', ..])
        {
            output.Write("."u8);
        }

        while (message.IndexOf("\r\n."u8) is >= 0 and var found)
        {
            output.Write(message[..(found + 3)]);
            output.Write("."u8);
            message = message[(found + 3)..];
        }

        output.Write(message);
        output.Write(end);
    }
}

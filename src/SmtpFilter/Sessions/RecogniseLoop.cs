using System.Text;

namespace Tracking.SmtpFilter.Sessions;

/// <summary>
/// Counts how often a message has passed this filter. The filter adds no field of its own: the next hop's
/// <c>Received</c> names the host of <c>EHLO</c> (RFC 5321 4.4), which is <see cref="SmtpFilterOptions.Name"/>.
/// </summary>
internal static class RecogniseLoop
{
    /// <summary>The number of <c>Received</c> fields that name the filter.</summary>
    /// <param name="message">The message.</param>
    /// <param name="name">The filter's name.</param>
    public static int Passes(ReadOnlySpan<byte> message, string name)
    {
        var passes = 0;
        var isReceived = false;
        var isCounted = false;
        Span<byte> wanted = stackalloc byte[name.Length];
        Encoding.ASCII.GetBytes(name.ToLowerInvariant(), wanted);
        while (message.IndexOf((byte)'\n') is >= 0 and var end)
        {
            var line = message[..end].TrimEnd((byte)'\r');
            message = message[(end + 1)..];
            if (line.IsEmpty)
            {
                break;
            }

            if (line[0] is not ((byte)' ' or (byte)'\t'))
            {
                isReceived = line.Length >= 9 && Ascii.EqualsIgnoreCase(line[..9], "Received:"u8);
                isCounted = false;
            }

            if (isReceived && !isCounted && Names(line, wanted))
            {
                isCounted = true;
                passes++;
            }
        }

        return passes;
    }

    // The whole name must match, because a name that only begins or ends with it is another host's.
    private static bool Names(ReadOnlySpan<byte> line, ReadOnlySpan<byte> wanted)
    {
        for (var at = 0; at + wanted.Length <= line.Length; at++)
        {
            if (Ascii.EqualsIgnoreCase(line.Slice(at, wanted.Length), wanted)
                && (at == 0 || !IsOfName(line[at - 1]))
                && (at + wanted.Length == line.Length || !IsOfName(line[at + wanted.Length])))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsOfName(byte octet) =>
        char.IsAsciiLetterOrDigit((char)octet) || octet is (byte)'-' or (byte)'.';
}

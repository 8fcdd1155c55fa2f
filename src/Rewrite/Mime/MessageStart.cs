namespace Tracking.Rewrite.Mime;

/// <summary>
/// Finds the beginning of a message's header. Files and pipes may put other text before it: the line <c>From sender
/// date</c> of mbox files (RFC 4155, Postfix's pipe with <c>flags=F</c>, Exim and procmail), directly behind it lines
/// <c>&gt;From </c> of an mbox inside an mbox, and a UTF-8 byte order mark. This text is not part of the message. All
/// of it stays.
/// </summary>
internal static class MessageStart
{
    /// <summary>The beginning of the header; 0 in nearly all messages.</summary>
    public static int Of(ReadOnlySpan<byte> message)
    {
        var start = BehindMark(message, 0);
        if (!IsFromLine(message[start..]))
        {
            return start;
        }

        do
        {
            start = NextLine(message, start);
        }
        while (message[start..].StartsWith(">From "u8));
        return BehindMark(message, start);
    }

    // "From :" is the field From in its obsolete form (RFC 5322 4.5.2).
    private static bool IsFromLine(ReadOnlySpan<byte> line) =>
        line.StartsWith("From "u8) && !line[5..].TrimStart(" \t"u8).StartsWith(":"u8);

    private static int BehindMark(ReadOnlySpan<byte> message, int start) =>
        message[start..].StartsWith("\uFEFF"u8) ? start + "\uFEFF"u8.Length : start;

    private static int NextLine(ReadOnlySpan<byte> message, int start)
    {
        var length = message[start..].IndexOf((byte)'\n');
        return length < 0 ? message.Length : start + length + 1;
    }
}

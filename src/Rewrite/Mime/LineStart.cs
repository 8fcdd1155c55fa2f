using System.Runtime.CompilerServices;

namespace Tracking.Rewrite.Mime;

/// <summary>
/// Beginnings that the rewriter avoids for a new line. SMTP doubles a dot at a line's start (RFC 5321 4.5.2): if one
/// mail server counts wrongly, a link's host has two dots, or the message ends there. mbox files put a ">" before
/// <c>From </c>. Two hyphens may be a boundary. RFC 2049 3 tells composers to avoid the first two.
/// </summary>
internal static class LineStart
{
    /// <summary>Whether a line with this beginning is at risk.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsAtRisk(ReadOnlySpan<byte> line) =>
        line is [(byte)'.' or (byte)'-' or (byte)'F', ..] && IsAtRiskBehindFirst(line);

    private static bool IsAtRiskBehindFirst(ReadOnlySpan<byte> line) => line[0] switch
    {
        (byte)'-' => line.StartsWith("--"u8),
        (byte)'F' => line.StartsWith("From "u8),
        _ => true,
    };
}

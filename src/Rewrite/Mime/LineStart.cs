using System.Runtime.CompilerServices;

namespace Tracking.Rewrite.Mime;

/// <summary>
/// How no line should begin that the rewriter makes. A line that begins with a dot gets a second one in SMTP (RFC 5321
/// 4.5.2), and where one hop counts wrongly the host of a link has two, or the message ends there; <c>From </c> gets a
/// ">" in mbox files; two hyphens may be a boundary. RFC 2049 3 tells composers to avoid the first two.
/// </summary>
internal static class LineStart
{
    /// <summary>Whether a line that begins with this is at risk.</summary>
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

namespace Tracking.Rewrite.Mime;

/// <summary>Which line break a part uses.</summary>
internal static class LineBreak
{
    /// <summary>Whether the first line break in a range, or else the one before it, is a bare LF.</summary>
    public static bool IsLf(ReadOnlySpan<byte> message, int start, int end)
    {
        var offset = message[start..end].IndexOf((byte)'\n');
        var newLine = offset >= 0 ? start + offset : message[..start].LastIndexOf((byte)'\n');
        return newLine >= 0 && (newLine == 0 || message[newLine - 1] != '\r');
    }
}

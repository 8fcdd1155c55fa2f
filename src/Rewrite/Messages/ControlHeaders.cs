using System.Text;

namespace Tracking.Rewrite.Messages;

/// <summary>The header fields by which a sender controls a message's tracking; they are removed, so recipients never
/// see them.</summary>
public static class ControlHeaders
{
    /// <summary>Whether a field is one of ours: <c>X-Tracking-…</c>, or Postal's <c>X-AMP</c>.</summary>
    public static bool IsControl(ReadOnlySpan<byte> name) =>
        name.Length > 10
            ? Ascii.EqualsIgnoreCase(name[..11], "X-Tracking-"u8)
            : Ascii.EqualsIgnoreCase(name, "X-AMP"u8);
}

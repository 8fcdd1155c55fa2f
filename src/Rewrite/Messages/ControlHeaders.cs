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

    /// <summary>Whether a field controls tracking in another system, and <see cref="ReadOtherHeaders"/> reads
    /// it.</summary>
    public static bool IsOfOtherSystem(ReadOnlySpan<byte> name) => name.Length switch
    {
        9 => Ascii.EqualsIgnoreCase(name, "X-SMTPAPI"u8),
        10 => Ascii.EqualsIgnoreCase(name, "X-MSYS-API"u8) || Ascii.EqualsIgnoreCase(name, "X-MC-Track"u8),
        15 => Ascii.EqualsIgnoreCase(name, "X-Mailgun-Track"u8),
        18 => Ascii.EqualsIgnoreCase(name, "X-SES-MESSAGE-TAGS"u8),
        21 => Ascii.EqualsIgnoreCase(name, "X-Mailgun-Track-Opens"u8),
        22 => Ascii.EqualsIgnoreCase(name, "X-Mailgun-Track-Clicks"u8),
        _ => false,
    };
}

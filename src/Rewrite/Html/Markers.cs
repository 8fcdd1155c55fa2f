using System.Text;

namespace Tracking.Rewrite.Html;

/// <summary>Attributes by which senders, and the systems they come from, say something about a link's
/// tracking.</summary>
internal static class Markers
{
    /// <summary>Whether the attribute says that the link is not to be tracked (SparkPost, SendGrid, Amazon SES, Mautic,
    /// Mandrill, and those that only have the name in common).</summary>
    public static bool IsOptOut(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        // The commonest attributes of a link are ruled out by one letter.
        if (!name.EndsWith("k"u8) && !name.EndsWith("K"u8) && !name.EndsWith("g"u8) && !name.EndsWith("G"u8))
        {
            return false;
        }

        return name.Length switch
        {
            12 => Ascii.EqualsIgnoreCase(name, "ses:no-track"u8),
            13 when Ascii.EqualsIgnoreCase(name, "data-no-track"u8) => !IsNo(value),
            13 => Ascii.EqualsIgnoreCase(name, "clicktracking"u8) && Ascii.EqualsIgnoreCase(value, "off"u8),
            16 => Ascii.EqualsIgnoreCase(name, "disable-tracking"u8) && !IsNo(value),
            19 => Ascii.EqualsIgnoreCase(name, "mc:disable-tracking"u8) && !IsNo(value),
            20 => Ascii.EqualsIgnoreCase(name, "data-msys-clicktrack"u8) && value.SequenceEqual("0"u8),
            23 => Ascii.EqualsIgnoreCase(name, "mautic:disable-tracking"u8) && !IsNo(value),
            _ => false,
        };
    }

    /// <summary>Whether the attribute names the link for reports.</summary>
    public static bool IsLinkName(ReadOnlySpan<byte> name) => name.Length switch
    {
        8 => Ascii.EqualsIgnoreCase(name, "ses:tags"u8),
        14 => Ascii.EqualsIgnoreCase(name, "data-link-name"u8),
        18 => Ascii.EqualsIgnoreCase(name, "data-msys-linkname"u8),
        _ => false,
    };

    private static bool IsNo(ReadOnlySpan<byte> value) =>
        value.SequenceEqual("0"u8) || Ascii.EqualsIgnoreCase(value, "false"u8);
}

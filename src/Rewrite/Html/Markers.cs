using System.Text;

namespace Tracking.Rewrite.Html;

/// <summary>The meaning of an attribute for a link's tracking.</summary>
internal enum Marker : byte
{
    /// <summary>The attribute is not a marker and stays.</summary>
    None,

    /// <summary>The link is not to be tracked.</summary>
    OptOut,

    /// <summary>The attribute has the name of a marker, but its value allows tracking or it repeats an earlier marker.
    /// The attribute is removed and does not count.</summary>
    Opposite,
}

/// <summary>The attributes by which senders and sending systems control a link's tracking. <c>docs/rewriting.md</c>
/// says how each system reads the value.</summary>
internal static class Markers
{
    /// <summary>Reads an attribute.</summary>
    /// <param name="name">The attribute's name.</param>
    /// <param name="value">The attribute's value.</param>
    /// <param name="seen">The markers that came earlier in the tag; 0 at the tag's start. Of several attributes with
    /// one name only the first counts.</param>
    public static Marker Read(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref int seen)
    {
        // One comparison of the last letter excludes the most frequent attributes of a link.
        if (!name.EndsWith("k"u8) && !name.EndsWith("K"u8) && !name.EndsWith("g"u8) && !name.EndsWith("G"u8))
        {
            return Marker.None;
        }

        // The markers of Amazon SES, Postmark, Odoo, Mailgun, Mandrill, SparkPost, SendGrid, Mautic before 8 and from 7
        // on.
        var (marker, bit) = name.Length switch
        {
            12 when Is(name, "ses:no-track"u8) => (Marker.OptOut, 1),
            13 when Is(name, "data-no-track"u8) => (UnlessNo(value), 2),
            13 when Is(name, "clicktracking"u8) => (IfNo(value), 4),
            16 when Is(name, "data-pm-no-track"u8) => (Marker.OptOut, 8),
            16 when Is(name, "data-no-tracking"u8) => (Marker.OptOut, 16),
            16 when Is(name, "disable-tracking"u8) => (UnlessNo(value), 32),
            19 when Is(name, "mc:disable-tracking"u8) => (UnlessNo(value), 64),
            20 when Is(name, "data-msys-clicktrack"u8) => (IfNo(value), 128),
            23 when Is(name, "mautic:disable-tracking"u8) => (UnlessNo(value), 256),
            28 when Is(name, "data-mautic-disable-tracking"u8) => (UnlessNo(value), 512),
            _ => (Marker.None, 0),
        };
        var isRepeated = (seen & bit) != 0;
        seen |= bit;
        return isRepeated && marker == Marker.OptOut ? Marker.Opposite : marker;
    }

    /// <summary>Whether the attribute names the link for reports.</summary>
    public static bool IsLinkName(ReadOnlySpan<byte> name) => name.Length switch
    {
        8 => Is(name, "ses:tags"u8),
        14 => Is(name, "data-link-name"u8),
        18 => Is(name, "data-msys-linkname"u8),
        _ => false,
    };

    private static Marker UnlessNo(ReadOnlySpan<byte> value) => IsNo(value) ? Marker.Opposite : Marker.OptOut;

    // An attribute that allows tracking, or whose value is unknown, belongs to its sender and stays.
    private static Marker IfNo(ReadOnlySpan<byte> value) => IsNo(value) ? Marker.OptOut : Marker.None;

    private static bool IsNo(ReadOnlySpan<byte> value)
    {
        value = value.Trim(" \t\r\n\f"u8);
        return value.Length <= 5
            && (value.SequenceEqual("0"u8) || Is(value, "false"u8) || Is(value, "no"u8) || Is(value, "off"u8));
    }

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> expected) =>
        Ascii.EqualsIgnoreCase(name, expected);
}

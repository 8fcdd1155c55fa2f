using System.Text;

namespace Tracking.Rewrite.Html;

/// <summary>What an attribute says about a link's tracking.</summary>
internal enum Marker : byte
{
    /// <summary>Nothing: it stays where it is.</summary>
    None,

    /// <summary>The link is not to be tracked.</summary>
    OptOut,

    /// <summary>An opt-out by its name, and none by its value or because it was there before.</summary>
    Opposite,
}

/// <summary>Attributes by which senders, and the systems they come from, say something about a link's tracking. What
/// each of those systems makes of the value: <c>docs/rewriting.md</c>.</summary>
internal static class Markers
{
    /// <summary>Reads an attribute.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">Its value.</param>
    /// <param name="seen">The markers that the tag had before, which count, as the first of all attributes of a name
    /// does; 0 at the tag's start.</param>
    public static Marker Read(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref int seen)
    {
        // The commonest attributes of a link are ruled out by one letter.
        if (!name.EndsWith("k"u8) && !name.EndsWith("K"u8) && !name.EndsWith("g"u8) && !name.EndsWith("G"u8))
        {
            return Marker.None;
        }

        // Amazon SES, Postmark, Odoo, Mailgun, Mandrill, SparkPost, SendGrid, Mautic before 8 and from 7 on.
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

    // One that says to track, or what is not understood, says nothing that is ours to take out.
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

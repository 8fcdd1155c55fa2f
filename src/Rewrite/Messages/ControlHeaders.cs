using System.Text;

namespace Tracking.Rewrite.Messages;

/// <summary>Header fields by which whoever sends a message controls its tracking; recipients never see them.</summary>
public static class ControlHeaders
{
    /// <summary>Whether a field is one of ours: <c>X-Tracking-…</c>, or Postal's <c>X-AMP</c>.</summary>
    public static bool IsControl(ReadOnlySpan<byte> name) =>
        name.Length > 10
            ? Ascii.EqualsIgnoreCase(name[..11], "X-Tracking-"u8)
            : Ascii.EqualsIgnoreCase(name, "X-AMP"u8);

    /// <summary>Adds the control headers that a DKIM signature's <c>h=</c> names: removing them would break the
    /// signature.</summary>
    /// <param name="signature">The value of <c>DKIM-Signature</c> (RFC 6376 3.5).</param>
    /// <param name="names">Receives the names.</param>
    internal static void AddSigned(ReadOnlySpan<byte> signature, HashSet<string> names)
    {
        var signed = Tag(signature, (byte)'h');
        foreach (var range in signed.Split((byte)':'))
        {
            var name = signed[range].Trim(" \t\r\n"u8);
            if (IsControl(name))
            {
                names.Add(Encoding.ASCII.GetString(name));
            }
        }
    }

    /// <summary>Whether a DKIM signature covers anything of the body: one with <c>l=0</c> does not, all others
    /// do.</summary>
    /// <param name="signature">The value of <c>DKIM-Signature</c> (RFC 6376 3.5).</param>
    internal static bool CoversBody(ReadOnlySpan<byte> signature)
    {
        var length = Tag(signature, (byte)'l');
        return length.IsEmpty || length.ContainsAnyExcept((byte)'0');
    }

    private static ReadOnlySpan<byte> Tag(ReadOnlySpan<byte> signature, byte name)
    {
        foreach (var range in signature.Split((byte)';'))
        {
            var tag = signature[range].Trim(" \t\r\n"u8);
            var equals = tag.IndexOf((byte)'=');
            if (equals > 0 && tag[..equals].TrimEnd(" \t\r\n"u8) is [var first] && (first | 0x20) == name)
            {
                return tag[(equals + 1)..].Trim(" \t\r\n"u8);
            }
        }

        return default;
    }
}

using System.Text;

namespace Tracking.Rewrite.Messages;

/// <summary>Reads from a field <c>DKIM-Signature</c> what the signature covers (RFC 6376 3.5).</summary>
internal static class DkimSignature
{
    /// <summary>Whether the signature covers any octet of the body. Every signature does, except one with
    /// <c>l=0</c>.</summary>
    public static bool CoversBody(ReadOnlySpan<byte> signature)
    {
        var length = Tag(signature, (byte)'l');
        return length.IsEmpty || length.ContainsAnyExcept((byte)'0');
    }

    /// <summary>Adds the control headers that <c>h=</c> names: without them the signature would break.</summary>
    /// <param name="signature">The field's value.</param>
    /// <param name="names">Receives the names.</param>
    public static void AddControls(ReadOnlySpan<byte> signature, HashSet<string> names)
    {
        var signed = Tag(signature, (byte)'h');
        foreach (var range in signed.Split((byte)':'))
        {
            var name = signed[range].Trim(" \t\r\n"u8);
            if (ControlHeaders.IsControl(name) || ControlHeaders.IsOfOtherSystem(name))
            {
                names.Add(Encoding.ASCII.GetString(name));
            }
        }
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

using System.Text;

namespace Tracking.Rewrite.Messages;

/// <summary>What a DKIM signature covers, by the value of its field <c>DKIM-Signature</c> (RFC 6376 3.5).</summary>
internal static class DkimSignature
{
    /// <summary>Whether it covers anything of the body: one with <c>l=0</c> does not, all others do.</summary>
    public static bool CoversBody(ReadOnlySpan<byte> signature)
    {
        var length = Tag(signature, (byte)'l');
        return length.IsEmpty || length.ContainsAnyExcept((byte)'0');
    }

    /// <summary>Adds the control headers that its <c>h=</c> names: removing them would break it.</summary>
    /// <param name="signature">The signature.</param>
    /// <param name="names">Receives the names.</param>
    public static void AddControls(ReadOnlySpan<byte> signature, HashSet<string> names)
    {
        var signed = Tag(signature, (byte)'h');
        foreach (var range in signed.Split((byte)':'))
        {
            var name = signed[range].Trim(" \t\r\n"u8);
            if (ControlHeaders.IsControl(name))
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

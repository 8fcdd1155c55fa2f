using Tracking.Rewrite.Findings;

namespace Tracking.Rewrite.Text;

/// <summary>OpenPGP armour inside plain text (RFC 9580 6.2). A changed byte would break its signature or
/// encryption.</summary>
internal static class InlinePgp
{
    /// <summary>Why the text must stay unchanged, or <see langword="null"/>.</summary>
    public static Untouched? Reason(ReadOnlySpan<byte> text)
    {
        var position = 0;
        while (true)
        {
            var offset = text[position..].IndexOf("-----BEGIN PGP "u8);
            if (offset < 0)
            {
                return null;
            }

            position += offset;
            var rest = text[(position + 15)..];
            if (position == 0 || text[position - 1] == '\n')
            {
                if (rest.StartsWith("MESSAGE"u8))
                {
                    return Untouched.Encrypted;
                }

                if (rest.StartsWith("SIGNED MESSAGE"u8))
                {
                    return Untouched.ContentSigned;
                }
            }

            position += 15;
        }
    }
}

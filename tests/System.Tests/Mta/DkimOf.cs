using System.Security.Cryptography;
using System.Text;

namespace Tracking.System.Tests.Mta;

/// <summary>The DKIM signature of a message (RFC 6376).</summary>
internal static class DkimOf
{
    /// <summary>Checks that the signature's hash matches the received body.</summary>
    public static void AssertBodyIsSigned(ReceivedMail mail)
    {
        // RFC 6376 3.4.3: the unchanged body without empty lines at its end.
        var text = Encoding.Latin1.GetString(mail.Message);
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var body = text[(end + 4)..].TrimEnd('\r', '\n') + "\r\n";
        var hash = Convert.ToBase64String(SHA256.HashData(Encoding.Latin1.GetBytes(body)));
        var header = string.Concat(text[..end].Where(c => !char.IsWhiteSpace(c)));
        Assert.Contains("DKIM-Signature:v=1;", header, StringComparison.Ordinal);
        Assert.Contains($";bh={hash};", header, StringComparison.Ordinal);
    }
}

using System.Text;
using Tracking.Links;

namespace Tracking.Tls.Connections;

/// <summary>What a client says of the name it wants.</summary>
public enum ServerNameForm
{
    /// <summary>Nothing.</summary>
    Absent,

    /// <summary>A host name.</summary>
    Name,

    /// <summary>An IP address, which RFC 6066 3 does not allow and some clients send: as good as nothing.</summary>
    Address,

    /// <summary>Something that is no host name: with a NUL, too long, not in A-labels.</summary>
    Invalid,
}

/// <summary>
/// The first message of a TLS connection (RFC 8446 4.1.2, RFC 5246 7.4.1.2) as far as it decides what is served. A
/// feature of the connection, and so of its requests.
/// </summary>
/// <param name="Form">What stands where the name belongs.</param>
/// <param name="Name">The name, when it is one.</param>
/// <param name="Protocols">The application protocols that the client offers (ALPN, RFC 7301), in its order; bytes
/// beyond ASCII as Latin-1.</param>
public sealed record ClientHello(ServerNameForm Form, HostName Name, IReadOnlyList<string> Protocols)
{
    /// <summary>The protocol of tls-alpn-01.</summary>
    public const string ChallengeProtocol = "acme-tls/1";

    /// <summary>Whether a certificate authority checks a name (RFC 8737 3): it offers that protocol and no
    /// other. Whoever offers it beside others is a visitor.</summary>
    public bool IsChallenge => Protocols is [ChallengeProtocol];

    internal static (ServerNameForm Form, HostName Name) ReadName(ReadOnlySpan<byte> name)
    {
        // The final dot is not allowed either (RFC 6066), and is sent; capitals are the client's own affair.
        if (name.Length is 0 or > HostName.MaxLength + 1 || !Ascii.IsValid(name)
            || name.ContainsAnyInRange((byte)0, (byte)0x20))
        {
            return (ServerNameForm.Invalid, default);
        }

        var text = Encoding.ASCII.GetString(name);
        return HostName.TryParse(text, out var host) ? (ServerNameForm.Name, host)
            : System.Net.IPAddress.TryParse(text.Trim('[', ']'), out _) ? (ServerNameForm.Address, default)
            : (ServerNameForm.Invalid, default);
    }
}

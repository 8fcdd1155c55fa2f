using System.Text;
using Tracking.Links;

namespace Tracking.Tls.Connections;

/// <summary>The forms of a client's server name.</summary>
public enum ServerNameForm
{
    /// <summary>The client sent no server name.</summary>
    Absent,

    /// <summary>A host name.</summary>
    Name,

    /// <summary>An IP address. RFC 6066 3 does not allow it, but some clients send it. It is treated as no server
    /// name.</summary>
    Address,

    /// <summary>A text that is no host name: it has a NUL, is too long, or is not in A-labels.</summary>
    Invalid,
}

/// <summary>
/// The parts of a ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2) that decide which certificate is served. The object is
/// a feature of the connection and of its requests.
/// </summary>
/// <param name="Form">The form of the server name.</param>
/// <param name="Name">The server name, if it is a host name.</param>
/// <param name="Protocols">The application protocols that the client offers (ALPN, RFC 7301), in its order; bytes
/// beyond ASCII as Latin-1.</param>
public sealed record ClientHello(ServerNameForm Form, HostName Name, IReadOnlyList<string> Protocols)
{
    /// <summary>The protocol of tls-alpn-01.</summary>
    public const string ChallengeProtocol = "acme-tls/1";

    /// <summary>Whether a certificate authority validates a name (RFC 8737 3): it offers this protocol and no other. A
    /// client that offers other protocols too is a visitor.</summary>
    public bool IsChallenge => Protocols is [ChallengeProtocol];

    internal static (ServerNameForm Form, HostName Name) ReadName(ReadOnlySpan<byte> name)
    {
        // Some clients send a final dot, although RFC 6066 does not allow it. Capital letters are accepted too.
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

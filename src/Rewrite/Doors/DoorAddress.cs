using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Tracking.Rewrite.Doors;

/// <summary>Addresses in settings: <c>host:port</c>, <c>[IPv6]:port</c>, or <c>unix:/path</c>.</summary>
public static class DoorAddress
{
    private const string Unix = "unix:";

    /// <summary>The description of valid values.</summary>
    public const string Takes = "takes ADDRESS:PORT, or unix:/PATH";

    /// <summary>Reads an address to listen on.</summary>
    /// <param name="text">An IP address with a port, or <c>unix:</c> with an absolute path.</param>
    /// <param name="address">The address.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out EndPoint? address)
    {
        address = null;
        if (text?.StartsWith(Unix, StringComparison.Ordinal) == true)
        {
            var path = text[Unix.Length..];
            // The kernel's limit for the path of a socket is 108 bytes with the final NUL.
            address = path.StartsWith('/') && path.Length < 108 ? new UnixDomainSocketEndPoint(path) : null;
        }
        else if (TryParseHost(text, out var host, out var port) && IPAddress.TryParse(host, out var ip))
        {
            address = new IPEndPoint(ip, port);
        }

        return address is not null;
    }

    /// <summary>Reads a host name or an IP address with a port.</summary>
    /// <param name="text"><c>host:port</c>; an IPv6 address is in brackets.</param>
    /// <param name="host">The host, without brackets.</param>
    /// <param name="port">0 to 65535.</param>
    public static bool TryParseHost(string? text, [NotNullWhen(true)] out string? host, out int port)
    {
        (host, port) = (null, 0);
        var colon = text?.LastIndexOf(':') ?? -1;
        if (colon < 1
            || !ushort.TryParse(
                text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        var name = text![..colon];
        var isBracketed = name.StartsWith('[') && name.EndsWith(']');
        name = isBracketed ? name[1..^1] : name;
        if (name.Length == 0 || name.Contains(':', StringComparison.Ordinal) != isBracketed)
        {
            return false;
        }

        (host, port) = (name, number);
        return true;
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Tracking.Dns;

/// <summary>A resolver from the settings.</summary>
/// <param name="Host">An address or a name, without brackets.</param>
/// <param name="Port">1 to 65535.</param>
internal sealed record ResolverAddress(string Host, int Port)
{
    private const int UsualPort = 53;

    /// <summary>Reads <c>host</c>, <c>host:port</c>, <c>[IPv6]:port</c> or an IPv6 address by itself.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ResolverAddress? address)
    {
        address = null;
        if (string.IsNullOrWhiteSpace(text))
        {
            return false;
        }

        var host = text;
        var port = UsualPort;
        if (!IPAddress.TryParse(text, out _))
        {
            var colon = text.LastIndexOf(':');
            if (colon >= 0)
            {
                host = text[..colon];
                if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port)
                    || port is < 1 or > 65535)
                {
                    return false;
                }
            }
        }

        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            host = host[1..^1];
        }

        if (!IPAddress.TryParse(host, out _) && Uri.CheckHostName(host) != UriHostNameType.Dns)
        {
            return false;
        }

        address = new ResolverAddress(host, port);
        return true;
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// Finds the client's address: the connecting address or, when that is a configured proxy, the rightmost address of
/// <c>X-Forwarded-For</c> that is not a proxy. The client may have invented the addresses to the left of it.
/// </summary>
internal sealed class ClientAddress(IOptions<RedirectEdgeOptions> options)
{
    /// <summary>The number of bytes of the longest address.</summary>
    public const int MaxSize = 16;

    private const int V4Size = 4;

    private readonly AddressRanges _proxies = new(options.Value.TrustedProxies.Concat(options.Value.Gateways));

    /// <summary>Writes the client's address: 4 or 16 bytes in network order. An IPv4 address in IPv6 form takes
    /// 4.</summary>
    /// <returns>The number of written bytes; 0 without an address (a Unix socket).</returns>
    public int Write(HttpContext context, Span<byte> destination)
    {
        var address = context.Features.Get<IHttpConnectionFeature>()?.RemoteIpAddress;
        if (_proxies.Contains(address))
        {
            address = Forwarded(context.Request.Headers["X-Forwarded-For"].ToString(), address);
        }

        if (address is null || !address.TryWriteBytes(destination, out var written))
        {
            return 0;
        }

        if (!address.IsIPv4MappedToIPv6)
        {
            return written;
        }

        destination.Slice(written - V4Size, V4Size).CopyTo(destination);
        return V4Size;
    }

    private IPAddress Forwarded(string header, IPAddress connected)
    {
        var address = connected;
        var rest = header.AsSpan();
        while (!rest.IsEmpty)
        {
            var comma = rest.LastIndexOf(',');
            if (!TryParse(rest[(comma + 1)..].Trim(), out var hop))
            {
                // Text to the left of an unreadable entry is not trustworthy.
                break;
            }

            address = hop;
            if (!_proxies.Contains(hop))
            {
                break;
            }

            rest = comma < 0 ? default : rest[..comma];
        }

        return address;
    }

    // Some proxies add the port. The system's parser also accepts "1", "0x7f.1" and "010.0.0.1", which programs read in
    // different ways. So only the usual form of IPv4 is accepted.
    private static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out IPAddress? address)
    {
        var lastColon = text.LastIndexOf(':');
        var hasPort = lastColon > 0 && (text[lastColon - 1] == ']' || text.IndexOf(':') == lastColon);
        if (hasPort && !ushort.TryParse(text[(lastColon + 1)..], NumberStyles.None, null, out _))
        {
            address = null;
            return false;
        }

        var host = hasPort ? text[..lastColon] : text;
        Span<char> written = stackalloc char[15];
        return IPAddress.TryParse(host, out address)
            && (address.AddressFamily == AddressFamily.InterNetworkV6
                || (address.TryFormat(written, out var length) && host.SequenceEqual(written[..length])));
    }
}

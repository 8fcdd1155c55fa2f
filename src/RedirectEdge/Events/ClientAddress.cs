using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// Says who the client is: whoever connected, or, when that is a configured proxy, the rightmost address of
/// <c>X-Forwarded-For</c> that is not one. What stands left of it is the client's own invention.
/// </summary>
internal sealed class ClientAddress(IOptions<RedirectEdgeOptions> options)
{
    /// <summary>Bytes of the longest address.</summary>
    public const int MaxSize = 16;

    private const int V4Size = 4;

    private readonly IPNetwork[] _proxies = [.. options.Value.TrustedProxies.Select(Parse)];

    /// <summary>Writes the client's address, 4 or 16 bytes in network order; an IPv4 address in IPv6 form as
    /// 4.</summary>
    /// <returns>Bytes written; 0 when there is none (a Unix socket).</returns>
    public int Write(HttpContext context, Span<byte> destination)
    {
        var address = context.Features.Get<IHttpConnectionFeature>()?.RemoteIpAddress;
        if (_proxies.Length > 0 && address is not null && IsProxy(address))
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
                // Nothing left of something unreadable can be believed.
                break;
            }

            address = hop;
            if (!IsProxy(hop))
            {
                break;
            }

            rest = comma < 0 ? default : rest[..comma];
        }

        return address;
    }

    // Some proxies add the port.
    private static bool TryParse(ReadOnlySpan<char> text, out IPAddress address)
    {
        if (IPAddress.TryParse(text, out address!))
        {
            return true;
        }

        var parsed = IPEndPoint.TryParse(text, out var endpoint);
        address = endpoint?.Address!;
        return parsed;
    }

    private bool IsProxy(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        foreach (var proxy in _proxies)
        {
            if (proxy.Contains(plain))
            {
                return true;
            }
        }

        return false;
    }

    private static IPNetwork Parse(string text)
    {
        if (IPNetwork.TryParse(text, out var network))
        {
            return network;
        }

        var address = IPAddress.Parse(text);
        return new IPNetwork(address, 8 * address.GetAddressBytes().Length);
    }
}

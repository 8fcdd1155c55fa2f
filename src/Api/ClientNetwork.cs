using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Api;

/// <summary>
/// The network of an API request: an IPv4 address, or the /64 of an IPv6 address, which usually belongs to one client.
/// Behind trusted proxies it is the rightmost address of <c>X-Forwarded-For</c> that is not a proxy. The client may
/// have invented the addresses to the left of it.
/// </summary>
internal sealed class ClientNetwork(IEnumerable<string> trustedProxies)
{
    private const int V6NetworkBytes = 8;

    private readonly AddressRanges _proxies = new(trustedProxies);

    /// <summary>The network; <see langword="null"/> without an address (a Unix socket).</summary>
    public IPAddress? Of(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress;
        if (_proxies.Contains(address))
        {
            var hops = context.Request.Headers["X-Forwarded-For"].ToString().Split(',', StringSplitOptions.TrimEntries);
            for (var i = hops.Length - 1; i >= 0 && _proxies.Contains(address) && ParseHop(hops[i]) is { } hop; i--)
            {
                address = hop;
            }
        }

        return address is null ? null : NetworkOf(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
    }

    private static IPAddress NetworkOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(V6NetworkBytes).Clear();
        return new IPAddress(bytes);
    }

    // Some proxies add the port.
    private static IPAddress? ParseHop(string text) =>
        IPAddress.TryParse(text, out var address) ? address
        : IPEndPoint.TryParse(text, out var endpoint) ? endpoint.Address
        : null;
}

using System.Buffers.Binary;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Tracking.RedirectEdge.Events;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.RedirectEdge;

/// <summary>
/// Limits how many damaged or guessed tokens of one client network are answered: the IPv4 address, or the /64 of an
/// IPv6 address, which usually is one client. A valid token is never limited: a company's people share an address.
/// </summary>
internal sealed class LimitInvalidTokens(
    ClientAddress clients, IOptions<RedirectEdgeOptions> options, TimeProvider time)
{
    private const int V6NetworkBytes = 8;

    // Networks that share a bucket by chance share its limit too; 64 Ki buckets are 1 MiB.
    private readonly TokenBuckets _networks = new(1 << 16, options.Value.InvalidTokensPerSecondAndNetwork, time);

    /// <summary>Whether one more is answered as such.</summary>
    public bool MayTry(HttpContext context)
    {
        Span<byte> address = stackalloc byte[ClientAddress.MaxSize];
        address.Clear();
        var isV6 = clients.Write(context, address) == ClientAddress.MaxSize;
        return _networks.TryTake((isV6, BinaryPrimitives.ReadUInt64BigEndian(address[..V6NetworkBytes])));
    }
}

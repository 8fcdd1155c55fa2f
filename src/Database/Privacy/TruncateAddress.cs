using Tracking.Database.Entities;

namespace Tracking.Database.Privacy;

/// <summary>Truncates a client's address to the part that the cluster's policy allows to store.</summary>
public static class TruncateAddress
{
    // IPv6 keeps a site's prefix (RFC 6177: /48), IPv4 the customary /24.
    private const int KeptBytesOfIPv4 = 3;
    private const int KeptBytesOfIPv6 = 6;

    private static ReadOnlySpan<byte> MappedPrefix => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

    /// <summary>Copies the part of an address that may be stored.</summary>
    /// <param name="address">4 or 16 bytes in network order, or none. An IPv4 address written as IPv6
    /// (<c>::ffff:0:0/96</c>) is treated as the IPv4 address it is.</param>
    /// <param name="policy">The cluster's policy.</param>
    /// <param name="kept">Receives the result; at least 16 bytes.</param>
    /// <returns>The number of bytes of the result: 0, 4 or 16.</returns>
    public static int Run(ReadOnlySpan<byte> address, ClusterPolicy policy, Span<byte> kept)
    {
        ArgumentNullException.ThrowIfNull(policy);
        if (policy.IsAnonymous || policy.Address == AddressPolicy.None || address.IsEmpty)
        {
            return 0;
        }

        if (address.Length == 16 && address.StartsWith(MappedPrefix))
        {
            address = address[MappedPrefix.Length..];
        }

        address.CopyTo(kept);
        if (policy.Address != AddressPolicy.Full)
        {
            kept[(address.Length == 4 ? KeptBytesOfIPv4 : KeptBytesOfIPv6)..address.Length].Clear();
        }

        return address.Length;
    }
}

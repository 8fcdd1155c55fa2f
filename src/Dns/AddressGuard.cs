using System.Net;
using System.Net.NetworkInformation;
using Microsoft.Extensions.Options;

namespace Tracking.Dns;

/// <summary>
/// Decides to which addresses we may connect when a tenant chooses them: public addresses that are not our own.
/// Otherwise a tenant could make us connect to machines inside the operator's network.
/// </summary>
public sealed class AddressGuard
{
    // How long our own addresses are cached: they seldom change, and reading them is slow.
    private static readonly TimeSpan _ownFor = TimeSpan.FromMinutes(1);

    // IANA's special-purpose registries (RFC 6890 and its successors), and multicast.
    private static readonly IPNetwork[] _special4 =
    [
        IPNetwork.Parse("0.0.0.0/8"), IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("100.64.0.0/10"),
        IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("169.254.0.0/16"), IPNetwork.Parse("172.16.0.0/12"),
        IPNetwork.Parse("192.0.0.0/24"), IPNetwork.Parse("192.0.2.0/24"), IPNetwork.Parse("192.88.99.0/24"),
        IPNetwork.Parse("192.168.0.0/16"), IPNetwork.Parse("198.18.0.0/15"), IPNetwork.Parse("198.51.100.0/24"),
        IPNetwork.Parse("203.0.113.0/24"), IPNetwork.Parse("224.0.0.0/3"),
    ];

    // Of IPv6 only 2000::/3 is public, without the ranges below: special purpose, documentation, Teredo and 6to4.
    private static readonly IPNetwork _public6 = IPNetwork.Parse("2000::/3");

    private static readonly IPNetwork[] _special6 =
    [
        IPNetwork.Parse("2001::/23"), IPNetwork.Parse("2001:db8::/32"), IPNetwork.Parse("2002::/16"),
        IPNetwork.Parse("3fff::/20"),
    ];

    private readonly DnsOptions _options;
    private readonly TimeProvider _time;
    private readonly Func<HashSet<IPAddress>> _readOwn;
    private readonly Func<IPAddress, bool> _isPublic;
    private Own? _own;

    /// <summary>Made by the container.</summary>
    public AddressGuard(IOptions<DnsOptions> options, TimeProvider time)
        : this(options, time, ReadOwn, IsPublic)
    {
    }

    /// <summary>For tests, which choose our own addresses and the public ones.</summary>
    internal AddressGuard(
        IOptions<DnsOptions> options, TimeProvider time, Func<HashSet<IPAddress>> readOwn,
        Func<IPAddress, bool> isPublic)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _time, _readOwn, _isPublic) = (options.Value, time, readOwn, isPublic);
    }

    /// <summary>Whether an address may be asked.</summary>
    public bool Allows(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (_options.AllowPrivateAddresses)
        {
            return true;
        }

        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return _isPublic(plain) && !OwnAddresses().Contains(plain);
    }

    /// <summary>Whether an address is public.</summary>
    internal static bool IsPublic(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return plain.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork
            ? !_special4.Any(range => range.Contains(plain))
            : _public6.Contains(plain) && !_special6.Any(range => range.Contains(plain));
    }

    private HashSet<IPAddress> OwnAddresses()
    {
        var now = _time.GetUtcNow();
        var own = _own;
        if (own is null || now - own.Read > _ownFor)
        {
            _own = own = new Own(now, _readOwn());
        }

        return own.Addresses;
    }

    private static HashSet<IPAddress> ReadOwn() =>
    [
        .. NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => new IPAddress(unicast.Address.GetAddressBytes())),
    ];

    private sealed record Own(DateTimeOffset Read, HashSet<IPAddress> Addresses);
}

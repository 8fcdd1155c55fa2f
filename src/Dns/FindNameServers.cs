using System.Net;
using Microsoft.Extensions.Options;

namespace Tracking.Dns;

/// <summary>A name server of a zone.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Addresses">Those that may be asked, IPv4 first.</param>
/// <param name="Refused">Those that may not (<see cref="AddressGuard"/>).</param>
public sealed record ZoneServer(DnsName Name, IReadOnlyList<IPAddress> Addresses, IReadOnlyList<IPAddress> Refused);

/// <summary>A zone and who serves it.</summary>
/// <param name="Zone">The zone.</param>
/// <param name="Servers">At most <see cref="DnsOptions.ServersPerZone"/> of its servers.</param>
/// <param name="AllNames">The names of all of them.</param>
public sealed record ZoneServers(DnsName Zone, IReadOnlyList<ZoneServer> Servers, IReadOnlyList<DnsName> AllNames);

/// <summary>Finds the name servers of the zone in which a name stands, by our own resolver.</summary>
public sealed class FindNameServers(IOptions<DnsOptions> options, AskResolver resolver, AddressGuard guard)
{
    private readonly DnsOptions _options = options.Value;

    /// <summary>
    /// The closest zone at or above a name that has name servers. A zone whose servers fail is left out, and the zone
    /// above it is found: its servers name those of the failing one, which can then be asked themselves.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <param name="mostServers">Of how many servers the addresses are wanted.</param>
    /// <param name="budget">Every question sent is taken from it.</param>
    /// <param name="heard">Told of every reply about zones.</param>
    /// <param name="cancellationToken">Ends it with an exception.</param>
    /// <returns><see langword="null"/> when there is none, or the resolver is away.</returns>
    public async Task<ZoneServers?> FindAsync(
        DnsName name, int mostServers, QueryBudget budget, Action<DnsReply> heard, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(heard);
        for (var zone = name; !zone.IsRoot;)
        {
            var reply = await resolver.AskAsync(new DnsQuestion(zone, DnsType.Ns), budget, cancellationToken);
            heard(reply);
            if (reply.Message is null)
            {
                return null;
            }

            var names = NamesOf(zone, reply.Message.Answers);
            if (names.Count > 0)
            {
                return await WithAddressesAsync(zone, names, mostServers, [], budget, cancellationToken);
            }

            zone = Next(zone, reply);
        }

        return null;
    }

    /// <summary>The servers that a parent zone's server names.</summary>
    /// <param name="zone">The zone that it leads to.</param>
    /// <param name="referral">Its answer.</param>
    /// <param name="budget">Every question sent is taken from it.</param>
    /// <param name="cancellationToken">Ends it with an exception.</param>
    public Task<ZoneServers> FollowAsync(
        DnsName zone, DnsMessage referral, QueryBudget budget, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(referral);
        return WithAddressesAsync(
            zone, NamesOf(zone, referral.Authority), _options.ServersPerZone, referral.Additional, budget,
            cancellationToken);
    }

    /// <summary>The zone to which an answer refers, when it is a referral from <paramref name="zone"/> towards
    /// <paramref name="name"/>: strictly below the one, at or above the other.</summary>
    public static DnsName? ReferralOf(DnsMessage message, DnsName zone, DnsName name)
    {
        ArgumentNullException.ThrowIfNull(message);
        return message is { Rcode: DnsRcode.NoError, IsAuthoritative: false, Answers.Count: 0 }
            && message.Authority.FirstOrDefault(record => record.Type == DnsType.Ns) is { } server
            && server.Owner.IsBelow(zone) && name.IsAtOrBelow(server.Owner)
                ? server.Owner
                : null;
    }

    /// <summary>The names in the NS records of a zone, in order.</summary>
    public static IReadOnlyList<DnsName> NamesOf(DnsName zone, IEnumerable<DnsRecord> records) =>
    [
        .. records.OfType<NameRecord>()
            .Where(record => record.Type == DnsType.Ns && record.Owner == zone)
            .Select(record => record.Target)
            .Distinct()
            .OrderBy(name => name.Text, StringComparer.Ordinal),
    ];

    // A plain "not here" names the zone that says so; behind an alias it would be the zone of somebody else.
    private static DnsName Next(DnsName zone, DnsReply reply) =>
        reply is { IsUsable: true, Message.Answers.Count: 0 }
        && reply.Message.Authority.FirstOrDefault(record => record.Type == DnsType.Soa) is { } soa
        && zone.IsBelow(soa.Owner) && !soa.Owner.IsRoot
            ? soa.Owner
            : zone.Parent;

    private async Task<ZoneServers> WithAddressesAsync(
        DnsName zone, IReadOnlyList<DnsName> names, int mostServers, IReadOnlyList<DnsRecord> glue,
        QueryBudget budget, CancellationToken cancellationToken)
    {
        var servers = await Task.WhenAll(names
            .Take(mostServers)
            .Select(name => WithAddressesAsync(name, glue, budget, cancellationToken)));
        return new ZoneServers(zone, servers, names);
    }

    private async Task<ZoneServer> WithAddressesAsync(
        DnsName name, IReadOnlyList<DnsRecord> glue, QueryBudget budget, CancellationToken cancellationToken)
    {
        IReadOnlyList<IPAddress> addresses =
            [.. glue.OfType<AddressRecord>().Where(record => record.Owner == name).Select(record => record.Address)];
        if (addresses.Count == 0)
        {
            addresses = (await resolver.AddressesAsync(name, budget, cancellationToken)).Addresses;
        }

        return new ZoneServer(
            name,
            [.. addresses.Where(guard.Allows).OrderBy(address => address.AddressFamily)],
            [.. addresses.Where(address => !guard.Allows(address))]);
    }
}

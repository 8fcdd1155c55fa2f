using System.Net;
using Microsoft.Extensions.Options;

namespace Tracking.Dns;

/// <summary>A name server of a zone.</summary>
/// <param name="Name">The server's name.</param>
/// <param name="Addresses">The addresses that may be asked, IPv4 first.</param>
/// <param name="Refused">The addresses that may not be asked (<see cref="AddressGuard"/>).</param>
public sealed record ZoneServer(DnsName Name, IReadOnlyList<IPAddress> Addresses, IReadOnlyList<IPAddress> Refused);

/// <summary>A zone and its name servers.</summary>
/// <param name="Zone">The zone.</param>
/// <param name="Servers">At most <see cref="DnsOptions.ServersPerZone"/> of its servers.</param>
/// <param name="AllNames">The names of all its servers.</param>
public sealed record ZoneServers(DnsName Zone, IReadOnlyList<ZoneServer> Servers, IReadOnlyList<DnsName> AllNames);

/// <summary>Finds the name servers of the zone of a name by asking our own resolver.</summary>
public sealed class FindNameServers(IOptions<DnsOptions> options, AskResolver resolver, AddressGuard guard)
{
    private readonly DnsOptions _options = options.Value;

    /// <summary>
    /// Finds the closest zone at or above a name that has name servers. A zone whose servers fail is skipped, and its
    /// parent zone is found. The parent's servers name the servers of the failing zone, so that these can be asked
    /// directly.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <param name="mostServers">The most servers whose addresses are looked up.</param>
    /// <param name="budget">Counts every question sent.</param>
    /// <param name="heard">Gets every reply to a question for name servers.</param>
    /// <param name="cancellationToken">Cancellation throws.</param>
    /// <returns><see langword="null"/> when there is no such zone, or when the resolver does not answer.</returns>
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

    /// <summary>Finds the servers that a referral of the parent zone names.</summary>
    /// <param name="zone">The zone that the referral points to.</param>
    /// <param name="referral">The parent server's answer.</param>
    /// <param name="budget">Counts every question sent.</param>
    /// <param name="cancellationToken">Cancellation throws.</param>
    public Task<ZoneServers> FollowAsync(
        DnsName zone, DnsMessage referral, QueryBudget budget, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(referral);
        return WithAddressesAsync(
            zone, NamesOf(zone, referral.Authority), _options.ServersPerZone, referral.Additional, budget,
            cancellationToken);
    }

    /// <summary>The zone to which a referral points, when this zone is below <paramref name="zone"/> and at or above
    /// <paramref name="name"/>; otherwise <see langword="null"/>.</summary>
    public static DnsName? ReferralOf(DnsMessage message, DnsName zone, DnsName name)
    {
        ArgumentNullException.ThrowIfNull(message);
        return message is { Rcode: DnsRcode.NoError, IsAuthoritative: false, Answers.Count: 0 }
            && message.Authority.FirstOrDefault(record => record.Type == DnsType.Ns) is { } server
            && server.Owner.IsBelow(zone) && name.IsAtOrBelow(server.Owner)
                ? server.Owner
                : null;
    }

    /// <summary>The names in the NS records of a zone, sorted.</summary>
    public static IReadOnlyList<DnsName> NamesOf(DnsName zone, IEnumerable<DnsRecord> records) =>
    [
        .. records.OfType<NameRecord>()
            .Where(record => record.Type == DnsType.Ns && record.Owner == zone)
            .Select(record => record.Target)
            .Distinct()
            .OrderBy(name => name.Text, StringComparer.Ordinal),
    ];

    // An answer without records names its zone in the SOA record. After an alias this would be another owner's zone.
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

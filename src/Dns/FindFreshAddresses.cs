using System.Net;
using Microsoft.Extensions.Options;

namespace Tracking.Dns;

/// <summary>
/// Finds the addresses of a name whose record may be new. A resolver caches for minutes or hours that a name does not
/// exist (RFC 2308). So when our resolver knows no address, the name servers of the zone are asked. When they answer
/// with an alias, our resolver is asked for the alias's target.
/// </summary>
public sealed class FindFreshAddresses(
    IOptions<DnsOptions> options,
    AskResolver resolver,
    AskNameServer nameServer,
    FindNameServers findServers,
    TimeProvider time)
{
    // The second server is asked when the first does not answer.
    private const int ServersPerZone = 2;

    // Below a top-level domain real names cross one or two zones. Each zone is strictly below the one before.
    private const int MostReferrals = 4;

    private readonly DnsOptions _options = options.Value;

    /// <summary>Finds the addresses. Sends at most <see cref="DnsOptions.QueriesPerCheck"/> questions and takes at most
    /// <see cref="DnsOptions.CheckTimeout"/>.</summary>
    /// <param name="name">The name.</param>
    /// <param name="cancellationToken">Cancellation throws.</param>
    public async Task<AddressesOfName> RunAsync(DnsName name, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(_options.CheckTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await FindAsync(name, new QueryBudget(_options.QueriesPerCheck), either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new AddressesOfName([], IsCertain: false);
        }
    }

    private async Task<AddressesOfName> FindAsync(
        DnsName name, QueryBudget budget, CancellationToken cancellationToken)
    {
        DnsName? freshAlias = null;
        for (var aliases = 0; ; aliases++)
        {
            var found = await resolver.AddressesAsync(name, budget, cancellationToken);
            var known = found with { FreshAlias = freshAlias };
            if (known.Addresses.Count > 0 || !known.IsCertain || aliases == _options.LongestChain)
            {
                return known;
            }

            var answer = await AskZoneAsync(new DnsQuestion(name, DnsType.A), budget, cancellationToken);
            if (AliasOf(name, answer) is { } target)
            {
                freshAlias ??= target;
                name = target;
                continue;
            }

            if (answer is null or { Rcode: not DnsRcode.NoError })
            {
                return known;
            }

            var ipv6 = await AskZoneAsync(new DnsQuestion(name, DnsType.Aaaa), budget, cancellationToken);
            return new AddressesOfName([.. AddressesOf(name, answer), .. AddressesOf(name, ipv6)], ipv6 is not null)
            {
                FreshAlias = freshAlias,
            };
        }
    }

    /// <summary>The first usable answer of a name server. Referrals are followed.</summary>
    private async Task<DnsMessage?> AskZoneAsync(
        DnsQuestion question, QueryBudget budget, CancellationToken cancellationToken)
    {
        var zone = await findServers.FindAsync(question.Name, ServersPerZone, budget, _ => { }, cancellationToken);
        for (var referrals = 0; zone is not null && referrals <= MostReferrals; referrals++)
        {
            var answer = await AskServersAsync(zone, question, budget, cancellationToken);
            if (answer is null || FindNameServers.ReferralOf(answer, zone.Zone, question.Name) is not { } below)
            {
                return answer;
            }

            zone = await findServers.FollowAsync(below, answer, budget, cancellationToken);
        }

        return null;
    }

    private async Task<DnsMessage?> AskServersAsync(
        ZoneServers zone, DnsQuestion question, QueryBudget budget, CancellationToken cancellationToken)
    {
        foreach (var server in zone.Servers.Where(server => server.Addresses.Count > 0).Take(ServersPerZone))
        {
            var reply = await nameServer.AskAsync(
                new IPEndPoint(server.Addresses[0], _options.NameServerPort), question, budget, cancellationToken);
            if (reply.IsUsable)
            {
                return reply.Message;
            }
        }

        return null;
    }

    // Only the name's own alias counts: the records after it may belong to zones that this server does not serve.
    private static DnsName? AliasOf(DnsName name, DnsMessage? answer)
    {
        var alias = answer?.Answers.OfType<NameRecord>()
            .FirstOrDefault(record => record.Type == DnsType.Cname && record.Owner == name);
        return alias?.Target;
    }

    private static IEnumerable<IPAddress> AddressesOf(DnsName name, DnsMessage? answer) =>
        (answer?.Answers ?? []).OfType<AddressRecord>()
            .Where(record => record.Owner == name)
            .Select(record => record.Address)
            .Distinct();
}

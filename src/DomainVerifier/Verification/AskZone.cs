using System.Net;
using Microsoft.Extensions.Options;
using Tracking.Dns;
using Tracking.Domains;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Asks all name servers of a zone about a name, at the same time, and follows referrals to zones
/// below.</summary>
internal sealed class AskZone(
    IOptions<DnsOptions> options, AskNameServer nameServer, FindNameServers findServers)
{
    // Addresses of one server that are tried when the first cannot be reached.
    private const int AddressesPerServer = 2;

    // From a top-level domain down, real names cross one or two zones. Each lies strictly below the one before.
    private const int MostReferrals = 4;

    /// <summary>Asks the servers about a name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="near">The zone that was asked before. The zone is used again if the name is in it.</param>
    /// <param name="check">The check in progress.</param>
    /// <param name="cancellationToken">Ends it with an exception.</param>
    /// <returns><see langword="null"/> when no zone was found.</returns>
    public async Task<WalkStep?> AskAsync(
        DnsName name, ZoneServers? near, Check check, CancellationToken cancellationToken)
    {
        var zone = near is not null && name.IsAtOrBelow(near.Zone)
            ? near
            : await findServers.FindAsync(
                name, options.Value.ServersPerZone, check.Budget,
                reply => check.Heard(HopPurpose.Zone, null, reply), cancellationToken);
        for (var referrals = 0; zone is not null; referrals++)
        {
            var question = new DnsQuestion(name, DnsType.A);
            var answers = await Task.WhenAll(zone.Servers.Select(
                server => AskAsync(server, question, HopPurpose.Walk, check, cancellationToken)));
            var referral = answers
                .Select(answer => answer.Reply?.Message)
                .FirstOrDefault(message => message is not null
                    && FindNameServers.ReferralOf(message, zone.Zone, name) is not null);
            if (referral is null || referrals == MostReferrals)
            {
                return new WalkStep(name, zone, await WithIpv6Async(name, zone, answers, check, cancellationToken));
            }

            zone = await findServers.FollowAsync(
                FindNameServers.ReferralOf(referral, zone.Zone, name)!.Value, referral, check.Budget,
                cancellationToken);
        }

        return null;
    }

    /// <summary>Asks about a sibling name. The server is the first one that answered before.</summary>
    public async Task<ServerAnswer?> ProbeAsync(
        DnsName name, WalkStep beside, Check check, CancellationToken cancellationToken) =>
        beside.Zone is { } zone && FirstAnswering(beside, zone) is { } server
            ? await AskAsync(server, new DnsQuestion(name, DnsType.A), HopPurpose.Probe, check, cancellationToken)
            : null;

    /// <summary>The first usable reply of a zone's servers. Two servers are tried, one after the other.</summary>
    public async Task<DnsReply?> AskAnyAsync(
        ZoneServers zone, DnsQuestion question, Check check, CancellationToken cancellationToken)
    {
        foreach (var server in zone.Servers.Take(2))
        {
            var answer = await AskAsync(server, question, HopPurpose.Zone, check, cancellationToken);
            if (answer.Reply is { IsUsable: true } reply)
            {
                return reply;
            }
        }

        return null;
    }

    private async Task<ServerAnswer> AskAsync(
        ZoneServer server, DnsQuestion question, HopPurpose purpose, Check check,
        CancellationToken cancellationToken)
    {
        if (server.Addresses.Count == 0)
        {
            return new ServerAnswer
            {
                Server = server.Name,
                Problem = server.Refused.Count > 0
                    ? FindingCode.NameServerAddressRefused
                    : FindingCode.ServerUnreachable,
            };
        }

        DnsReply? reply = null;
        foreach (var address in server.Addresses.Take(AddressesPerServer))
        {
            reply = await nameServer.AskAsync(
                new IPEndPoint(address, options.Value.NameServerPort), question, check.Budget, cancellationToken);
            check.Heard(purpose, server.Name, reply);
            if (reply.Failure is not (DnsFailure.NoRoute or DnsFailure.Unreachable))
            {
                break;
            }
        }

        return ServerAnswer.Read(server.Name, reply!, question.Name);
    }

    // A name may have only IPv6 addresses. If the servers found no address, one of them is asked for IPv6.
    private async Task<IReadOnlyList<ServerAnswer>> WithIpv6Async(
        DnsName name, ZoneServers zone, IReadOnlyList<ServerAnswer> answers, Check check,
        CancellationToken cancellationToken)
    {
        var asked = answers.FirstOrDefault(answer => answer.Kind != AnswerKind.None);
        if (asked is not { Kind: AnswerKind.Absent, Reply.Message.Rcode: DnsRcode.NoError })
        {
            return answers;
        }

        var server = zone.Servers.First(server => server.Name == asked.Server);
        var found = await AskAsync(
            server, new DnsQuestion(name, DnsType.Aaaa), HopPurpose.Walk, check, cancellationToken);
        return found.Kind != AnswerKind.Address
            ? answers
            : [.. answers.Select(answer => answer.Kind != AnswerKind.Absent
                ? answer
                : answer with { Kind = AnswerKind.Address, Addresses = found.Addresses, Ttl = found.Ttl })];
    }

    private static ZoneServer? FirstAnswering(WalkStep step, ZoneServers zone) =>
        zone.Servers.FirstOrDefault(server => step.Answering.Any(answer => answer.Server == server.Name));
}

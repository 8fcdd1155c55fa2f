using System.Security.Cryptography;
using Tracking.Dns;
using Tracking.Domains;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Questions for explanations: about sibling names and about the parent zone.</summary>
internal sealed partial class ExplainWalk
{
    private async Task<ServerAnswer?> SiblingAsync(WalkStep step, CancellationToken cancellationToken)
    {
        var label = RandomNumberGenerator.GetHexString(16, lowercase: true);
        return DnsName.TryParse(label, out var name) && name.Before(check.Host.Parent) is { } sibling
            && (step.Zone is null || sibling.Parent.IsAtOrBelow(step.Zone.Zone))
                ? await ProbeAsync(sibling, step, cancellationToken)
                : null;
    }

    // The question goes to the source that answered before: a server of the zone, or our resolver.
    private async Task<ServerAnswer?> ProbeAsync(DnsName name, WalkStep beside, CancellationToken cancellationToken)
    {
        if (beside.Zone is not null)
        {
            return await askZone.ProbeAsync(name, beside, check, cancellationToken);
        }

        var reply = await resolver.AskAsync(new DnsQuestion(name, DnsType.A), check.Budget, cancellationToken);
        check.Heard(HopPurpose.Probe, null, reply);
        return ServerAnswer.Read(null, reply, name);
    }

    private async Task CompareWithParentAsync(ZoneServers zone, CancellationToken cancellationToken)
    {
        if (check.Budget.Left < QueriesForParent || zone.Zone.Parent.IsRoot
            || await findServers.FindAsync(
                zone.Zone.Parent, 2, check.Budget, reply => check.Heard(HopPurpose.Zone, null, reply),
                cancellationToken) is not { } parent
            || !zone.Zone.IsBelow(parent.Zone))
        {
            return;
        }

        var question = new DnsQuestion(zone.Zone, DnsType.Ns);
        var above = Names(await askZone.AskAnyAsync(parent, question, check, cancellationToken));
        var below = Names(await askZone.AskAnyAsync(zone, question, check, cancellationToken));
        if (above.Count > 0 && below.Count > 0 && !above.SequenceEqual(below))
        {
            findings.Add(
                FindingCode.DelegationMismatch, FindingSeverity.Warning,
                $"The zone {parent.Zone} names other servers for {zone.Zone} than the zone itself does. Some resolvers "
                + "ask servers that do not know about changes.",
                string.Join(", ", above), null,
                "At the registrar, enter the name servers that the DNS provider gives.",
                expected: string.Join(", ", below));
        }

        IReadOnlyList<DnsName> Names(DnsReply? reply) => reply?.Message is { } message
            ? FindNameServers.NamesOf(zone.Zone, message.Answers.Concat(message.Authority))
            : [];
    }
}

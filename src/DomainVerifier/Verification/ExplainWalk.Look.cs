using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Findings about a name before it is added.</summary>
internal sealed partial class ExplainWalk
{
    // Before a name is added, no record is the right state. An existing record has to be removed, unless it comes from
    // a wildcard.
    private async Task ExplainLookAsync(Walk walk, CancellationToken cancellationToken)
    {
        if (walk.Steps is not [{ Majority: { } answer } step, ..] || answer.Kind is AnswerKind.None)
        {
            return;
        }

        if (answer.Kind == AnswerKind.Absent)
        {
            AddNoZone(step, answer);
            return;
        }

        if (await SiblingAsync(step, cancellationToken) is { } sibling && sibling.Vote == answer.Vote
            && sibling.Addresses.ToHashSet().SetEquals(answer.Addresses))
        {
            findings.Add(
                FindingCode.WildcardInTheWay, FindingSeverity.Info,
                $"A wildcard record answers for {check.Host} and for every other name under {check.Host.Parent}. "
                + "A record of its own takes its place.",
                answer.Seen, sibling.ShownServer, remembered: answer.Ttl, expected: "no record");
            return;
        }

        findings.Add(
            answer.Kind == AnswerKind.Address ? FindingCode.AddressInsteadOfCname
                : answer.Kind == AnswerKind.Several ? FindingCode.SeveralRecords
                : FindingCode.OtherTarget,
            FindingSeverity.Warning, $"{check.Host} has a record already: {answer.Seen}. It would have to be replaced.",
            answer.Seen, answer.ShownServer, "Choose another name, or replace the record.", answer.Ttl,
            expected: "no record");
    }

    private bool AddNoZone(WalkStep step, ServerAnswer answer)
    {
        if (step.Zone is { } zone
            && PublicSuffix.Suffix(check.HostName).SequenceEqual(zone.Zone.Text))
        {
            findings.Add(
                FindingCode.NoZone, FindingSeverity.Error,
                $"The domain {PublicSuffix.RegistrableDomain(check.HostName)} is not in DNS. It is not registered, has "
                + "expired, or has no name servers.",
                "no such domain", answer.ShownServer, "Register the domain, or correct its spelling.");
            return true;
        }

        return false;
    }
}

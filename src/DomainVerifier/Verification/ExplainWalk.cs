using Tracking.Dns;
using Tracking.Domains;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Adds findings that explain why a name does not lead to its target, or what is unusual although it does. A
/// few more questions are asked for this.</summary>
internal sealed partial class ExplainWalk(
    Check check, FindingList findings, AskZone askZone, AskResolver resolver, FindNameServers findServers)
{
    // The questions that the parent zone may cost: the names of its servers, two addresses, and one or two answers.
    private const int QueriesForParent = 12;

    public async Task ExplainAsync(CancellationToken cancellationToken)
    {
        var walk = check.ByServers.Last?.Answering.Count > 0 ? check.ByServers : check.ByResolver;
        if (check.TargetName is null)
        {
            await ExplainLookAsync(walk, cancellationToken);
            return;
        }

        switch (walk.End)
        {
            case WalkEnd.Arrived:
                await ExplainArrivalAsync(walk, cancellationToken);
                break;
            case WalkEnd.Absent when walk.Steps.Count == 1:
                await ExplainAbsenceAsync(walk.Steps[0], cancellationToken);
                break;
            case WalkEnd.Address when walk.Steps.Count == 1:
                await ExplainAddressAsync(walk.Steps[0], cancellationToken);
                break;
            case WalkEnd.Several:
                ExplainSeveral(walk.Last!);
                break;
            case WalkEnd.Loop:
                findings.Add(
                    FindingCode.Loop, FindingSeverity.Error,
                    $"The aliases lead in a circle: {Chain(walk)}.", Chain(walk), walk.Last!.Majority?.ShownServer,
                    findings.Enter);
                break;
            case WalkEnd.TooLong:
                findings.Add(
                    FindingCode.ChainTooLong, FindingSeverity.Error,
                    $"Too many aliases follow each other: {Chain(walk)}. Resolvers give up on such a chain.",
                    Chain(walk), walk.Last!.Majority?.ShownServer, findings.Enter);
                break;
            case WalkEnd.Absent or WalkEnd.Address or WalkEnd.Silent when walk.Steps.Count > 1:
                await ExplainOtherTargetAsync(walk, cancellationToken);
                break;
            case WalkEnd.NoZone when walk.Last is { Majority.Kind: AnswerKind.Alias }:
                await ExplainOtherTargetAsync(walk, cancellationToken);
                break;
        }

        if (check.Zone is { } zone && (walk.End != WalkEnd.Arrived || check.ByServers.Steps.Any(HasTrouble)))
        {
            await CompareWithParentAsync(zone, cancellationToken);
        }
    }

    private static bool HasTrouble(WalkStep step) =>
        !step.IsUnanimous || step.Answers.Any(answer => answer.Kind == AnswerKind.None);

    private static string Chain(Walk walk) => string.Join(
        " → ", walk.Steps.Select(step => step.Name).Append(walk.Last!.Majority?.Alias ?? walk.Last.Name));

    private async Task ExplainArrivalAsync(Walk walk, CancellationToken cancellationToken)
    {
        if (await SiblingAsync(walk.Steps[0], cancellationToken) is { Kind: AnswerKind.Alias } sibling
            && sibling.Vote == walk.Steps[0].Majority!.Vote)
        {
            findings.Add(
                FindingCode.WildcardToTarget, FindingSeverity.Warning,
                $"A wildcard record leads every name under {check.Host.Parent} here, not this one alone.",
                $"*.{check.Host.Parent} {sibling.Seen}", sibling.ShownServer,
                "Enter a record for this name alone if the others are not meant to lead here.");
        }

        var addresses = await resolver.AddressesAsync(check.Target, check.Budget, cancellationToken);
        if (Proxies.AreCloudflare(addresses.Addresses))
        {
            findings.Add(
                FindingCode.TargetProxied, FindingSeverity.Warning,
                $"The target {check.Target} lies behind Cloudflare's proxy. Cloudflare refuses other people's names "
                + "there (error 1014). This is the operator's to change, not the domain owner's.",
                string.Join(", ", addresses.Addresses), null,
                "The operator sets the records of the tracking zone to \"DNS only\" (grey cloud).",
                expected: "addresses of this installation");
        }
    }

    private async Task ExplainAbsenceAsync(WalkStep step, CancellationToken cancellationToken)
    {
        var absent = step.Majority!;
        if (AddNoZone(step, absent))
        {
            return;
        }

        if (check.Zone is { Zone: var suffix } && check.Host.Before(suffix) is { } twice
            && await ProbeAsync(twice, step, cancellationToken) is { Kind: AnswerKind.Alias } doubled
            && (doubled.Alias == check.Target || ReadValue.Of(doubled.Alias!.Value, check.Target, suffix)
                != ValueMistake.OtherName))
        {
            findings.Add(
                FindingCode.DoubledSuffix, FindingSeverity.Error,
                $"The record stands at {twice}. The provider's form has added {suffix} by itself.",
                $"{twice} {doubled.Seen}", doubled.ShownServer,
                $"Change the name of the record to {findings.NameToEnter}.");
            return;
        }

        var ttl = step.Answering.Max(answer => answer.Ttl);
        var remembered = ttl is { } time
            ? " If it was asked for just now, resolvers remember its absence until "
                + FindingList.Clock(check.At + time, check.At) + "."
            : "";
        findings.Add(
            FindingCode.NoRecord, FindingSeverity.Error, $"{check.Host} has no record.{remembered}", "no record",
            string.Join(", ", step.Answering.Select(answer => answer.ShownServer)), findings.Enter, ttl);
    }

    private async Task ExplainAddressAsync(WalkStep step, CancellationToken cancellationToken)
    {
        var answer = step.Majority!;
        var addresses = step.Answering.SelectMany(other => other.Addresses).Distinct().ToList();
        var seen = string.Join(", ", addresses);
        if (Proxies.AreCloudflare(addresses))
        {
            findings.Add(
                FindingCode.Proxied, FindingSeverity.Error,
                $"Cloudflare answers for {check.Host} with the addresses of its proxy. The CNAME record behind it, if "
                + "there is one, cannot be seen.",
                seen, answer.ShownServer,
                "At Cloudflare, set the record to \"DNS only\" (grey cloud). If there is none: " + findings.Enter,
                answer.Ttl);
            return;
        }

        var targets = await resolver.AddressesAsync(check.Target, check.Budget, cancellationToken);
        if (addresses.Count > 0 && addresses.All(targets.Addresses.Contains))
        {
            findings.Add(
                FindingCode.Flattened, FindingSeverity.Error,
                $"{check.Host} has the right addresses, but no CNAME record. The provider answers with addresses "
                + "instead (flattening, ALIAS or ANAME). So it cannot be proved who owns the name, and the addresses "
                + "may change.",
                seen, answer.ShownServer, findings.Enter, answer.Ttl);
            return;
        }

        if (await SiblingAsync(step, cancellationToken) is { Kind: AnswerKind.Address } sibling
            && sibling.Addresses.ToHashSet().SetEquals(answer.Addresses))
        {
            AddWildcard(sibling, answer);
            return;
        }

        findings.Add(
            FindingCode.AddressInsteadOfCname, FindingSeverity.Error,
            $"{check.Host} has an address instead of a CNAME record.", seen, answer.ShownServer,
            $"Delete the address record. {findings.Enter}", answer.Ttl);
    }

    private void ExplainSeveral(WalkStep step) =>
        findings.Add(
            FindingCode.SeveralRecords, FindingSeverity.Error,
            $"{step.Name} has several records where only one CNAME record is allowed. Some visitors get one of them, "
            + "some another.",
            step.Majority!.Seen, step.Majority.ShownServer,
            $"Delete all records of this name but the right one. {findings.Enter}", step.Majority.Ttl);

    private async Task ExplainOtherTargetAsync(Walk walk, CancellationToken cancellationToken)
    {
        var step = walk.Steps[0];
        var answer = step.Majority!;
        var value = answer.Alias!.Value;
        switch (ReadValue.Of(value, check.Target, check.Zone?.Zone))
        {
            case ValueMistake.Scheme:
                findings.Add(
                    FindingCode.ValueWithScheme, FindingSeverity.Error,
                    $"The value of the record was entered as a web address: {value}. It has to be a name alone, "
                    + "without \"https://\" and without \"/\".",
                    answer.Seen, answer.ShownServer,
                    $"Change the value of the record to {findings.ValueToEnter}.", answer.Ttl);
                return;
            case ValueMistake.ZoneAppended:
                findings.Add(
                    FindingCode.ValueWithZoneAppended, FindingSeverity.Error,
                    $"The value of the record is {value}. The provider's form has added the zone to what was entered.",
                    answer.Seen, answer.ShownServer,
                    $"Change the value of the record to {check.Target}. with the dot at its end.", answer.Ttl);
                return;
        }

        if (await SiblingAsync(step, cancellationToken) is { Kind: AnswerKind.Alias } sibling
            && sibling.Vote == answer.Vote)
        {
            AddWildcard(sibling, answer);
            return;
        }

        var behind = walk.Steps.Count > 2 || walk.End == WalkEnd.Silent ? $" ({Chain(walk)})" : "";
        findings.Add(
            FindingCode.OtherTarget, FindingSeverity.Error,
            $"The CNAME record of {check.Host} leads to {value}{behind}, not to {check.Target}.",
            answer.Seen, answer.ShownServer, $"Change the value of the record to {findings.ValueToEnter}.", answer.Ttl);
    }

    private void AddWildcard(ServerAnswer sibling, ServerAnswer answer) =>
        findings.Add(
            FindingCode.WildcardInTheWay, FindingSeverity.Error,
            $"{check.Host} seems to have no record of its own. Names that nobody has entered get the same answer, from "
            + $"the wildcard record *.{check.Host.Parent}.",
            answer.Seen, sibling.ShownServer, findings.Enter, answer.Ttl);
}

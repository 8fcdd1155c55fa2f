using Tracking.Dns;
using Tracking.Domains;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Adds findings about name servers: those that failed, those that disagree, and what resolvers may still
/// remember.</summary>
internal static class ExplainServers
{
    private const string AskProvider = "Tell your DNS provider.";

    /// <summary>Adds the findings.</summary>
    /// <param name="check">The check with its questions and answers.</param>
    /// <param name="findings">Receives the findings.</param>
    /// <param name="outcome">The outcome of the check. The same fault is less severe if the name is verified.</param>
    public static void Add(Check check, FindingList findings, DiagnosisOutcome outcome)
    {
        var trouble = outcome == DiagnosisOutcome.NoEvidence ? FindingSeverity.Error : FindingSeverity.Warning;
        if (check.Hops.Count > 0 && check.Hops.All(hop => hop.Rcode is null))
        {
            findings.Add(
                FindingCode.NoNetwork, FindingSeverity.Error,
                "Nobody could be asked: neither a name server nor our own resolver answered. The fault is probably "
                + "with this installation's network, not with the domain.",
                nextStep: "The operator checks the network and the setting Tracking__Dns__Resolvers. "
                    + "The check is repeated soon.");
            return;
        }

        foreach (var step in check.ByServers.Steps)
        {
            AddProblems(step, findings, trouble);
            AddDisagreement(step, findings, trouble);
        }

        AddResolver(check, findings, trouble);
        if (check.ByServers is { End: WalkEnd.NoZone, Steps.Count: 0 } && !findings.Has(FindingCode.NoZone)
            && check.ByResolver.End is not (WalkEnd.Arrived or WalkEnd.Silent))
        {
            findings.Add(
                FindingCode.NoZone, trouble, $"No zone was found in which {check.Host} could have a record.",
                nextStep: "Check the spelling of the domain, and that it is registered.");
        }

        if (check.Budget.IsExceeded)
        {
            findings.Add(
                FindingCode.TooManyQueries, trouble,
                $"The check would have needed more than {check.Budget.Sent} questions and stopped there.",
                nextStep: "Use fewer aliases, and name servers whose addresses are known to their zone.");
        }

        if (check.IsCutShort)
        {
            findings.Add(
                FindingCode.TimeOut, trouble, "The check took too long and stopped before it was done.",
                nextStep: "The check is repeated soon.");
        }
    }

    private static void AddProblems(WalkStep step, FindingList findings, FindingSeverity trouble)
    {
        // One failing server of several does no harm.
        var severity = step.Answering.Count > 0 ? FindingSeverity.Warning : trouble;
        foreach (var group in step.Answers
            .Where(answer => answer.Problem is not null).GroupBy(answer => answer.Problem))
        {
            var servers = string.Join(", ", group.Select(answer => answer.ShownServer));
            var zone = step.Zone!.Zone;
            var (text, next) = Texts(group.Key!.Value, servers, zone);
            findings.Add(
                group.Key.Value, severity, text, group.Select(answer => Seen(answer)).FirstOrDefault(), servers, next,
                expected: $"an answer about {step.Name}");
        }

        // Such a server was asked at its other addresses. Resolvers may try the refused one.
        foreach (var server in step.Zone!.Servers.Where(server =>
            server.Addresses.Count > 0 && server.Refused.Count > 0))
        {
            var shown = $"{server.Name} ({string.Join(", ", server.Refused)})";
            var (text, next) = Texts(FindingCode.NameServerAddressRefused, shown, step.Zone.Zone);
            findings.Add(
                FindingCode.NameServerAddressRefused, FindingSeverity.Warning, text, server: shown, nextStep: next);
        }

        foreach (var answer in step.Answering.Where(answer => answer.Reply is { IsOverTcp: true, Mismatches: > 3 }))
        {
            findings.Add(
                FindingCode.BadAnswers, FindingSeverity.Warning,
                $"With the answer of {answer.ShownServer} came others that answered no question of ours. Somebody may "
                + "be guessing. The answer was fetched over TCP.",
                server: answer.ShownServer);
        }
    }

    private static (string Text, string? Next) Texts(FindingCode code, string servers, DnsName zone) => code switch
    {
        FindingCode.TimeOut => ($"No answer came in time from {servers}.", "The check is repeated soon."),
        FindingCode.Servfail => ($"A failure (SERVFAIL) was reported by {servers}.", AskProvider),
        FindingCode.ServerRefuses => (
            $"Questions about {zone} are refused by {servers}.",
            "Remove the server from the zone's NS records, or have it serve the zone."),
        FindingCode.LameServer => (
            $"Nothing is known of the zone {zone} at {servers}, although it is one of its name servers.",
            "Remove the server from the zone's NS records, or have it serve the zone."),
        FindingCode.ServerUnreachable => (
            $"This name server of {zone} could not be reached: {servers}.",
            "Check that the server's name has an address and that it runs. If it has an IPv6 address alone, this "
            + "installation may have no IPv6."),
        FindingCode.NameServerAddressRefused => (
            $"The address of this name server of {zone} is a private one or our own: {servers}. "
                + "No question is sent there.",
            "Give the name server a public address. In a laboratory, the operator sets "
            + "Tracking__Dns__AllowPrivateAddresses."),
        FindingCode.TooManyQueries => ("The check has used up its questions.", null),
        _ => ($"An answer that breaks the rules of DNS came from {servers}.", AskProvider),
    };

    private static string? Seen(ServerAnswer answer) => answer.Reply switch
    {
        null => null,
        { Message: { ExtendedErrors: { Count: > 0 } errors } message } =>
            $"{message.RcodeName} ({string.Join("; ", errors)})",
        { Message: { } message } => message.RcodeName,
        { Failure: DnsFailure.NoRoute } => "no way to this address",
        { Failure: DnsFailure.TcpRefused } => "a truncated answer, and none over TCP",
        _ => "no answer",
    };

    private static void AddDisagreement(WalkStep step, FindingList findings, FindingSeverity trouble)
    {
        if (step.IsUnanimous)
        {
            return;
        }

        var words = step.Answering.GroupBy(answer => answer.Vote).OrderByDescending(group => group.Count())
            .Select(group => $"{string.Join(", ", group.Select(answer => answer.ShownServer))}: {group.First().Seen}")
            .ToList();
        var odd = step.Majority is { } majority
            ? step.Answering.Where(answer => answer.Vote != majority.Vote).Select(answer => answer.ShownServer)
            : step.Answering.Select(answer => answer.ShownServer);
        findings.Add(
            FindingCode.ServersDisagree, trouble,
            $"The name servers of {step.Zone!.Zone} give different answers about {step.Name}. "
            + string.Join(". ", words) + ".",
            string.Join("; ", words), string.Join(", ", odd),
            "A change reaches all servers within minutes. If it does not, tell your DNS provider.",
            step.Answering.Max(answer => answer.Ttl));
    }

    private static void AddResolver(Check check, FindingList findings, FindingSeverity trouble)
    {
        var answer = check.ByResolver.Last?.Answers[0];
        if (check.IsBogus)
        {
            var errors = check.ByResolver.Steps.SelectMany(step => step.Answers)
                .Select(answer => Seen(answer)).FirstOrDefault(seen => seen?.Contains('(') == true);
            findings.Add(
                FindingCode.DnssecBogus, FindingSeverity.Error,
                "The zone's DNSSEC signatures are broken. Resolvers that check them do not find the name, and no "
                + "certificate authority issues a certificate.",
                errors ?? "SERVFAIL, and an answer when signatures are not checked", answer?.ShownServer,
                "Have your DNS provider sign the zone again, or remove the DS record at the registrar.",
                expected: "valid signatures");
        }
        else if (answer is { Problem: { } problem })
        {
            findings.Add(
                problem is FindingCode.LameServer ? FindingCode.BadAnswers : problem,
                check.ByServers.End == WalkEnd.Arrived ? FindingSeverity.Info : trouble,
                problem == FindingCode.Servfail
                    ? $"Our resolver found no way to an answer about {check.ByResolver.Last!.Name} (SERVFAIL)."
                    : "Our resolver gave no answer.",
                Seen(answer), answer.ShownServer, "The check is repeated soon.",
                expected: $"an answer about {check.ByResolver.Last!.Name}");
        }
        else if (check.ByServers.End == WalkEnd.Arrived && check.ByResolver.IsElsewhere && answer is not null)
        {
            var until = answer.Ttl is { } ttl
                ? " until " + FindingList.Clock(answer.Reply!.At + ttl, check.At)
                : " for some time";
            findings.Add(
                FindingCode.NotYetPublished, FindingSeverity.Info,
                $"The name servers have the record. Resolvers may remember what was there before{until}.",
                answer.Seen, answer.ShownServer, remembered: answer.Ttl, at: answer.Reply!.At);
        }

        if (check.ByServers.Steps.All(step => step.Answering.Count == 0) && check.ByResolver.Last?.Answering.Count > 0)
        {
            findings.Add(
                FindingCode.ResolverOnly, FindingSeverity.Info,
                "Only our resolver answered. It may remember an older state than the name servers have.",
                server: answer?.ShownServer);
        }
    }
}

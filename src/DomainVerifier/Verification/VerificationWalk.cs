using Microsoft.Extensions.Options;
using Tracking.Dns;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>
/// Checks whether a name leads to its verification target.
/// <list type="number">
/// <item>All name servers of the zone are asked, at each alias anew. A fresh record does not wait for what resolvers
/// remember.</item>
/// <item>Our resolver is asked for the same way. It knows whether the signatures are in order, and it decides where no
/// name server answers.</item>
/// <item>More than half of those that answered verify. Only when all that answered agree is it a contradiction.</item>
/// <item>What was found is explained, with a few more questions where something is wrong.</item>
/// </list>
/// </summary>
public sealed class VerificationWalk
{
    private readonly DnsOptions _options;
    private readonly AskZone _zone;
    private readonly AskResolver _resolver;
    private readonly FindNameServers _findServers;
    private readonly TimeProvider _time;

    /// <summary>Made by the container.</summary>
    public VerificationWalk(
        IOptions<DnsOptions> options, AskNameServer nameServer, AskResolver resolver, FindNameServers findServers,
        TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.Value;
        _zone = new AskZone(options, nameServer, findServers);
        _resolver = resolver;
        _findServers = findServers;
        _time = time;
    }

    /// <summary>Checks one name.</summary>
    /// <param name="host">The tracking domain.</param>
    /// <param name="target">The verification target that was issued for it.</param>
    /// <param name="cancellationToken">Ends it with an exception; time-outs are answers and no exceptions.</param>
    public Task<DomainDiagnosis> RunAsync(HostName host, HostName target, CancellationToken cancellationToken) =>
        CheckAsync(host, target, cancellationToken);

    /// <summary>Looks at a name that nobody has added: its zone and provider, and what would be in the way of a
    /// record.</summary>
    /// <param name="host">The name.</param>
    /// <param name="cancellationToken">Ends it with an exception; time-outs are answers and no exceptions.</param>
    /// <returns>With the outcome <see cref="DiagnosisOutcome.Looked"/>. No finding means that the record can be
    /// entered.</returns>
    public Task<DomainDiagnosis> LookAsync(HostName host, CancellationToken cancellationToken) =>
        CheckAsync(host, null, cancellationToken);

    private async Task<DomainDiagnosis> CheckAsync(
        HostName host, HostName? target, CancellationToken cancellationToken)
    {
        var check = new Check(host, target, _options.QueriesPerCheck, _time.GetUtcNow());
        var findings = new FindingList(check);
        using var deadline = new CancellationTokenSource(_options.CheckTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            await check.ByServers.FollowAsync(
                check.Host, check.Target, _options.LongestChain,
                name => _zone.AskAsync(name, check.ByServers.Last?.Zone, check, either.Token));
            await check.ByResolver.FollowAsync(
                check.Host, check.Target, _options.LongestChain, name => AskResolverAsync(name, check, either.Token));
            await new ExplainWalk(check, findings, _zone, _resolver, _findServers).ExplainAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            check.IsCutShort = true;
        }

        return Diagnose(check, findings);
    }

    private async Task<WalkStep?> AskResolverAsync(DnsName name, Check check, CancellationToken cancellationToken)
    {
        // CNAME first: for an address the resolver would go on behind the target, which may fail for reasons of its
        // own.
        ServerAnswer answer = null!;
        foreach (var type in new[] { DnsType.Cname, DnsType.A, DnsType.Aaaa })
        {
            var reply = await _resolver.AskAsync(new DnsQuestion(name, type), check.Budget, cancellationToken);
            check.Heard(HopPurpose.Resolver, null, reply);
            answer = ServerAnswer.Read(null, reply, name);
            if (answer.Problem == FindingCode.Servfail)
            {
                answer = await AskAgainAsync(reply, answer, check, cancellationToken);
            }

            if (answer is not { Kind: AnswerKind.Absent, Reply.Message.Rcode: DnsRcode.NoError })
            {
                break;
            }
        }

        return new WalkStep(name, null, [answer]);
    }

    // An answer without a check of signatures, and none with one before and after it: a failure that has passed in
    // between would look the same.
    private async Task<ServerAnswer> AskAgainAsync(
        DnsReply failed, ServerAnswer answer, Check check, CancellationToken cancellationToken)
    {
        var uncheckedReply = await _resolver.AskUncheckedAsync(failed, check.Budget, cancellationToken);
        check.Heard(HopPurpose.Resolver, null, uncheckedReply);
        if (!uncheckedReply.IsUsable)
        {
            return answer;
        }

        var reply = await _resolver.AskAsync(failed.Question, check.Budget, cancellationToken);
        check.Heard(HopPurpose.Resolver, null, reply);
        check.IsBogus |= reply.Message is { Rcode: DnsRcode.ServFail };
        return reply.IsUsable ? ServerAnswer.Read(null, reply, failed.Question.Name) : answer;
    }

    private static DomainDiagnosis Diagnose(Check check, FindingList findings)
    {
        var outcome = Decide(check);
        ExplainServers.Add(check, findings, outcome);
        return new DomainDiagnosis
        {
            Host = check.HostName,
            Target = check.TargetName,
            Outcome = outcome,
            At = check.At,
            Findings = findings.Sorted(),
            Hops = check.Hops,
            Zone = check.Zone?.Zone.ToString(),
            Provider = findings.Provider?.Name,
            NameToEnter = findings.NameToEnter,
            ValueToEnter = check.TargetName is null ? null : findings.ValueToEnter,
            Queries = check.Budget.Sent,
        };
    }

    /// <summary>What the check says. Broken signatures never verify: nobody who checks them would follow the
    /// record, and it may be somebody else's.</summary>
    internal static DiagnosisOutcome Decide(Check check)
    {
        var (servers, resolver) = (check.ByServers, check.ByResolver);
        if (check.TargetName is null)
        {
            return DiagnosisOutcome.Looked;
        }

        if (check.IsBogus)
        {
            return DiagnosisOutcome.NoEvidence;
        }

        if (servers.End == WalkEnd.Arrived)
        {
            return DiagnosisOutcome.Verified;
        }

        if (servers.IsElsewhere)
        {
            // One server of several may be the one that was forgotten: then the resolver has to say the same.
            return servers.Steps.All(step => step.IsConclusive)
                && (servers.Steps.All(step => step.IsSupported) || resolver.IsElsewhere)
                    ? DiagnosisOutcome.Contradicted
                    : DiagnosisOutcome.NoEvidence;
        }

        // Where the servers are divided the resolver decides, but only for what one of them says as well.
        if (resolver.End == WalkEnd.Arrived
            && (servers.End != WalkEnd.Undecided || servers.Last!.Answering.Any(answer =>
                resolver.Steps.Any(step => step.Name == servers.Last.Name && step.Majority?.Vote == answer.Vote))))
        {
            return DiagnosisOutcome.Verified;
        }

        // The resolver by itself contradicts only where the name has no zone any more. Servers that fail or do not
        // answer are no evidence, whatever the resolver remembers: it remembers an absence for hours, and the second
        // strike comes a day after the first.
        return servers.End == WalkEnd.NoZone && resolver.IsElsewhere
            && servers.Steps.SelectMany(step => step.Answers).All(answer => answer.Kind != AnswerKind.None)
                ? DiagnosisOutcome.Contradicted
                : DiagnosisOutcome.NoEvidence;
    }
}

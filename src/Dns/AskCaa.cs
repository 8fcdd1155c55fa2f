using Microsoft.Extensions.Options;
using Tracking.Links;

namespace Tracking.Dns;

/// <summary>Why it is unknown who may issue certificates.</summary>
public enum CaaFailure : byte
{
    /// <summary>It is known.</summary>
    None,

    /// <summary>The name servers fail or do not answer.</summary>
    Broken,

    /// <summary>The DNSSEC signatures of the zone are broken.</summary>
    Bogus,

    /// <summary>Our own resolver did not answer. Nothing is known about the name.</summary>
    NoResolver,
}

/// <summary>Who may issue certificates for a name.</summary>
/// <param name="Name">The name that was asked about.</param>
/// <param name="FoundAt">The name whose CAA records were asked for and found: the host name or a parent of it. The
/// records have another owner when this name is an alias.</param>
/// <param name="Records">The relevant records. Without records every authority may issue.</param>
/// <param name="Failure">Why there is no answer. After a failure no authority may issue (Baseline Requirements,
/// 3.2.2.8).</param>
/// <param name="FailedAt">The name whose question failed.</param>
public sealed record CaaAnswer(
    DnsName Name, DnsName? FoundAt, IReadOnlyList<CaaRecord> Records, CaaFailure Failure, DnsName? FailedAt);

/// <summary>
/// Asks our resolver who may issue certificates for a name (CAA, RFC 8659), in the order in which an authority asks:
/// first the name itself, where the resolver follows aliases; then the parents of the name, never the parents of an
/// alias's target. The first name that has CAA records decides.
/// </summary>
public sealed class AskCaa(IOptions<DnsOptions> options, AskResolver resolver)
{
    // Authorities take names of at most ten labels. The factor 4 leaves room for questions that are sent again.
    private readonly int _mostQueries = 4 * Math.Max(1, options.Value.Resolvers.Count) * 12;

    /// <summary>Asks for the CAA records that apply to a name.</summary>
    /// <param name="host">The name for which a certificate is wanted.</param>
    /// <param name="cancellationToken">Cancellation throws.</param>
    /// <param name="freshAlias">The alias's target that our resolver does not know yet
    /// (<see cref="AddressesOfName.FreshAlias"/>). Its records apply to the name.</param>
    public async Task<CaaAnswer> AskAsync(
        HostName host, CancellationToken cancellationToken, DnsName? freshAlias = null)
    {
        var budget = new QueryBudget(_mostQueries);
        var asked = DnsName.From(host);
        for (var name = asked; !name.IsRoot; name = name.Parent)
        {
            var answer = await AskAsync(asked, name, name, budget, cancellationToken);
            if (answer is null && name == asked && freshAlias is { } target)
            {
                answer = await AskAsync(asked, name, target, budget, cancellationToken);
            }

            if (answer is not null)
            {
                return answer;
            }
        }

        return new CaaAnswer(asked, null, [], CaaFailure.None, null);
    }

    // Returns null when the name has no CAA record, so that its parent decides.
    private async Task<CaaAnswer?> AskAsync(
        DnsName asked, DnsName name, DnsName at, QueryBudget budget, CancellationToken cancellationToken)
    {
        var reply = await resolver.AskAsync(new DnsQuestion(at, DnsType.Caa), budget, cancellationToken);
        if (!reply.IsUsable)
        {
            // A top-level domain hardly ever fails, so the fault is taken to be our resolver's.
            var failure = name.Parent.IsRoot
                ? CaaFailure.NoResolver : await FailureAsync(reply, budget, cancellationToken);
            return new CaaAnswer(asked, null, [], failure, name);
        }

        var records = reply.Message!.Answers.OfType<CaaRecord>().ToList();
        return records.Count > 0 ? new CaaAnswer(asked, name, records, CaaFailure.None, null) : null;
    }

    private async Task<CaaFailure> FailureAsync(
        DnsReply reply, QueryBudget budget, CancellationToken cancellationToken)
    {
        if (reply.Message is null)
        {
            return reply.Failure is DnsFailure.Malformed ? CaaFailure.Broken : CaaFailure.NoResolver;
        }

        return reply.Message.Rcode == DnsRcode.ServFail
            && (await resolver.AskUncheckedAsync(reply, budget, cancellationToken)).IsUsable
                ? CaaFailure.Bogus
                : CaaFailure.Broken;
    }
}

/// <summary>The authority, the account and the validation method of an order.</summary>
/// <param name="Domains">The authority's names in CAA records: <c>letsencrypt.org</c>.</param>
/// <param name="AccountUri">The account's URL (RFC 8657); <see langword="null"/> before the account exists.</param>
/// <param name="Method"><c>http-01</c>, <c>tls-alpn-01</c>.</param>
public sealed record CaaIssuer(IReadOnlyCollection<string> Domains, string? AccountUri, string Method);

/// <summary>Whether an authority may issue.</summary>
public enum CaaVerdict : byte
{
    /// <summary>The authority may issue.</summary>
    Allowed,

    /// <summary>The records name other authorities, or none.</summary>
    OtherAuthorities,

    /// <summary>A record names the authority for another account (<c>accounturi</c>).</summary>
    OtherAccount,

    /// <summary>A record names the authority for other validation methods (<c>validationmethods</c>).</summary>
    OtherMethod,

    /// <summary>A record is marked critical and has an unknown tag.</summary>
    UnknownCritical,

    /// <summary>The zone's name servers fail, so no authority may issue.</summary>
    Broken,

    /// <summary>The zone's DNSSEC signatures are broken, so no authority may issue.</summary>
    Bogus,

    /// <summary>Our resolver did not answer. Ask again before ordering.</summary>
    Unknown,
}

/// <summary>Reads CAA records as an authority does (RFC 8659, RFC 8657), for a name without a wildcard.</summary>
public static class JudgeCaa
{
    private const int MostShown = 5;

    private static readonly string[] _knownTags =
        ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"];

    /// <summary>Whether an authority may issue for the name.</summary>
    /// <param name="answer">The CAA records from DNS.</param>
    /// <param name="issuer">The authority, the account and the validation method.</param>
    public static CaaVerdict Judge(CaaAnswer answer, CaaIssuer issuer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(issuer);
        switch (answer.Failure)
        {
            case CaaFailure.Broken:
                return CaaVerdict.Broken;
            case CaaFailure.Bogus:
                return CaaVerdict.Bogus;
            case CaaFailure.NoResolver:
                return CaaVerdict.Unknown;
        }

        if (answer.Records.Any(record => record.IsCritical && !_knownTags.Contains(record.Tag)))
        {
            return CaaVerdict.UnknownCritical;
        }

        var issues = answer.Records.Where(record => record.Tag == "issue").ToList();
        if (issues.Count == 0)
        {
            return CaaVerdict.Allowed;
        }

        // One record that allows it is enough. Otherwise the record that comes closest gives the reason.
        var verdicts = issues.Select(record => Judge(record.Text, issuer)).ToList();
        return verdicts.Contains(CaaVerdict.Allowed) ? CaaVerdict.Allowed
            : verdicts.Contains(CaaVerdict.OtherMethod) ? CaaVerdict.OtherMethod
            : verdicts.Contains(CaaVerdict.OtherAccount) ? CaaVerdict.OtherAccount
            : CaaVerdict.OtherAuthorities;
    }

    /// <summary>Explains the verdict to people.</summary>
    /// <param name="answer">The CAA records from DNS.</param>
    /// <param name="verdict">The verdict on these records.</param>
    public static string Explain(CaaAnswer answer, CaaVerdict verdict)
    {
        ArgumentNullException.ThrowIfNull(answer);
        var at = answer.FoundAt ?? answer.FailedAt ?? answer.Name;
        var records = string.Join(", ", answer.Records.Take(MostShown).Select(record => record.Value));
        return verdict switch
        {
            CaaVerdict.Allowed when answer.Records.Count == 0 => "No CAA record restricts who issues certificates.",
            CaaVerdict.Allowed => $"The CAA records of {at} allow it: {records}.",
            CaaVerdict.OtherAuthorities =>
                $"The CAA records of {at} allow other certificate authorities only: {records}.",
            CaaVerdict.OtherAccount =>
                $"A CAA record of {at} allows another account of this certificate authority: {records}.",
            CaaVerdict.OtherMethod =>
                $"A CAA record of {at} allows this certificate authority other ways of validation only: {records}.",
            CaaVerdict.UnknownCritical =>
                $"A CAA record of {at} is marked critical and has an unknown tag: {records}.",
            CaaVerdict.Broken =>
                $"The name servers of {at} fail when they are asked for CAA records. "
                + "No certificate authority issues a certificate then.",
            CaaVerdict.Bogus =>
                $"The DNSSEC signatures of {at} are broken. No certificate authority issues a certificate then.",
            CaaVerdict.Unknown => "Our own resolver did not answer. Nothing is known about the CAA records.",
            _ => verdict.ToString(),
        };
    }

    /// <summary>The record that would allow the authority, as a line of a zone file.</summary>
    /// <param name="answer">The CAA records from DNS.</param>
    /// <param name="verdict">The verdict on these records.</param>
    /// <param name="issuer">The authority, the account and the validation method.</param>
    /// <returns><see langword="null"/> when no further record helps, or when the authority's name in CAA records is
    /// unknown.</returns>
    public static string? LineToAdd(CaaAnswer answer, CaaVerdict verdict, CaaIssuer issuer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(issuer);
        if (issuer.Domains.FirstOrDefault() is not { } domain || answer.Records.Count == 0)
        {
            return null;
        }

        // The new record belongs beside the existing ones. After an alias these have the alias's target as owner.
        var owner = answer.Records[0].Owner;
        return verdict switch
        {
            CaaVerdict.OtherAuthorities => $"{owner}. CAA 0 issue \"{domain}\"",
            CaaVerdict.OtherAccount => $"{owner}. CAA 0 issue \"{domain}; accounturi={issuer.AccountUri}\"",
            CaaVerdict.OtherMethod => $"{owner}. CAA 0 issue \"{domain}; validationmethods={issuer.Method}\"",
            _ => null,
        };
    }

    private static CaaVerdict Judge(string value, CaaIssuer issuer)
    {
        var parts = value.Split(';');
        var domain = parts[0].Trim(' ', '\t').TrimEnd('.');
        if (!issuer.Domains.Contains(domain, StringComparer.OrdinalIgnoreCase))
        {
            return CaaVerdict.OtherAuthorities;
        }

        var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var part in parts.Skip(1).Select(part => part.Trim(' ', '\t')).Where(part => part.Length > 0))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            // A record with a malformed or repeated parameter allows nobody (Boulder decides the same).
            if (equals <= 0 || !parameters.TryAdd(part[..equals].Trim(), part[(equals + 1)..].Trim()))
            {
                return CaaVerdict.OtherAuthorities;
            }
        }

        if (parameters.TryGetValue("accounturi", out var account)
            && !string.Equals(account, issuer.AccountUri, StringComparison.Ordinal))
        {
            return CaaVerdict.OtherAccount;
        }

        return parameters.TryGetValue("validationmethods", out var methods)
            && !methods.Split(',').Select(method => method.Trim()).Contains(issuer.Method, StringComparer.Ordinal)
                ? CaaVerdict.OtherMethod
                : CaaVerdict.Allowed;
    }
}

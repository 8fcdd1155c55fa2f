using Microsoft.Extensions.Options;
using Tracking.Links;

namespace Tracking.Dns;

/// <summary>Why the question who may issue certificates has no answer.</summary>
public enum CaaFailure : byte
{
    /// <summary>It has one.</summary>
    None,

    /// <summary>The name servers fail, or did not answer.</summary>
    Broken,

    /// <summary>The signatures of the zone are broken (DNSSEC).</summary>
    Bogus,

    /// <summary>Our own resolver could not be reached: nothing is known about the name.</summary>
    NoResolver,
}

/// <summary>Who may issue certificates for a name.</summary>
/// <param name="Name">The name that was asked about.</param>
/// <param name="FoundAt">Where the records were asked for when some were found: the name or a parent of it. The
/// records' own owner is another name when an alias led there.</param>
/// <param name="Records">The relevant records; none means that every authority may.</param>
/// <param name="Failure">Why there is no answer. A failure is no permission (Baseline Requirements, 3.2.2.8).</param>
/// <param name="FailedAt">The name at which it failed.</param>
public sealed record CaaAnswer(
    DnsName Name, DnsName? FoundAt, IReadOnlyList<CaaRecord> Records, CaaFailure Failure, DnsName? FailedAt);

/// <summary>
/// Asks who may issue certificates for a name (CAA, RFC 8659), by our own resolver as an authority asks its own: at the
/// name itself, where the resolver follows an alias to its end; then at the parents of the name, never at those of the
/// alias's target. The first set of records that is not empty decides.
/// </summary>
public sealed class AskCaa(IOptions<DnsOptions> options, AskResolver resolver)
{
    // A name has at most ten labels that an authority takes, and a failure asks twice, of every resolver.
    private readonly int _mostQueries = 4 * Math.Max(1, options.Value.Resolvers.Count) * 12;

    /// <summary>Asks.</summary>
    /// <param name="host">The name for which a certificate is wanted.</param>
    /// <param name="cancellationToken">Ends it with an exception.</param>
    /// <param name="freshAlias">The alias's target that our resolver does not know yet
    /// (<see cref="AddressesOfName.FreshAlias"/>). Its records are those of the name.</param>
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

    // Null: no record stands there, so the parent decides.
    private async Task<CaaAnswer?> AskAsync(
        DnsName asked, DnsName name, DnsName at, QueryBudget budget, CancellationToken cancellationToken)
    {
        var reply = await resolver.AskAsync(new DnsQuestion(at, DnsType.Caa), budget, cancellationToken);
        if (!reply.IsUsable)
        {
            // A top-level domain does not fail; our way to it does.
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

/// <summary>Who asks for a certificate, and how it proves control.</summary>
/// <param name="Domains">The names by which the authority goes in CAA records: <c>letsencrypt.org</c>.</param>
/// <param name="AccountUri">The account's URL (RFC 8657); <see langword="null"/> before there is one.</param>
/// <param name="Method"><c>http-01</c>, <c>tls-alpn-01</c>.</param>
public sealed record CaaIssuer(IReadOnlyCollection<string> Domains, string? AccountUri, string Method);

/// <summary>Whether an authority may issue.</summary>
public enum CaaVerdict : byte
{
    /// <summary>It may.</summary>
    Allowed,

    /// <summary>The records name others, or nobody.</summary>
    OtherAuthorities,

    /// <summary>A record names the authority for another account (<c>accounturi</c>).</summary>
    OtherAccount,

    /// <summary>A record names the authority for other ways of proof (<c>validationmethods</c>).</summary>
    OtherMethod,

    /// <summary>A record that every authority has to understand is understood by none.</summary>
    UnknownCritical,

    /// <summary>The zone fails, which is no permission.</summary>
    Broken,

    /// <summary>The zone's signatures are broken, which is no permission.</summary>
    Bogus,

    /// <summary>Our resolver is away: ask again before ordering.</summary>
    Unknown,
}

/// <summary>Reads CAA records as an authority does (RFC 8659, RFC 8657), for a name without a wildcard.</summary>
public static class JudgeCaa
{
    private const int MostShown = 5;

    private static readonly string[] _knownTags =
        ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"];

    /// <summary>Whether an authority may issue for the name.</summary>
    /// <param name="answer">What DNS says.</param>
    /// <param name="issuer">The authority, the account and the proof.</param>
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

        // One record that allows it is enough; of those that do not, the one that comes closest says why.
        var verdicts = issues.Select(record => Judge(record.Text, issuer)).ToList();
        return verdicts.Contains(CaaVerdict.Allowed) ? CaaVerdict.Allowed
            : verdicts.Contains(CaaVerdict.OtherMethod) ? CaaVerdict.OtherMethod
            : verdicts.Contains(CaaVerdict.OtherAccount) ? CaaVerdict.OtherAccount
            : CaaVerdict.OtherAuthorities;
    }

    /// <summary>What it means, for people.</summary>
    /// <param name="answer">What DNS says.</param>
    /// <param name="verdict">What was made of it.</param>
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
                $"A CAA record of {at} is marked critical and has a tag that nobody knows: {records}.",
            CaaVerdict.Broken =>
                $"The name servers of {at} fail when they are asked for CAA records. "
                + "No certificate authority issues a certificate then.",
            CaaVerdict.Bogus =>
                $"The DNSSEC signatures of {at} are broken. No certificate authority issues a certificate then.",
            CaaVerdict.Unknown => "Our own resolver did not answer. Nothing is known about the CAA records.",
            _ => verdict.ToString(),
        };
    }

    /// <summary>The record that would allow it, as a line of a zone file.</summary>
    /// <param name="answer">What DNS says.</param>
    /// <param name="verdict">What was made of it.</param>
    /// <param name="issuer">The authority, the account and the proof.</param>
    /// <returns><see langword="null"/> where no further record helps, or the authority does not say by which name it
    /// goes.</returns>
    public static string? LineToAdd(CaaAnswer answer, CaaVerdict verdict, CaaIssuer issuer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(issuer);
        if (issuer.Domains.FirstOrDefault() is not { } domain || answer.Records.Count == 0)
        {
            return null;
        }

        // Beside the records that are there: those of another name where an alias led to it.
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
            // A parameter that breaks the syntax or stands twice can be fulfilled by nobody (as Boulder reads it).
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

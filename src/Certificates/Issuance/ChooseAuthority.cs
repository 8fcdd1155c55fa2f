using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;
using Tracking.Dns;
using Tracking.Links;

namespace Tracking.Certificates.Issuance;

/// <summary>The authority for an order, or the reason why no order is placed now.</summary>
/// <param name="Authority">The chosen authority; <see langword="null"/> if there is a problem.</param>
/// <param name="Problem">Why no authority was chosen.</param>
/// <param name="Directory">The authority that has the problem.</param>
/// <param name="Wait">How long until a limit has room again; <see langword="null"/> for every other problem.</param>
internal sealed record ChosenAuthority(
    OpenAuthority? Authority, AcmeProblem? Problem = null, string? Directory = null, TimeSpan? Wait = null)
{
    /// <summary>The CAA record that would allow the authority, if CAA forbids it.</summary>
    public string? CaaLine { get; init; }

    /// <summary>The limit without room, if a new name has to wait in its queue.</summary>
    public LackOfRoom? Lack { get; init; }

    /// <summary>The queue in which the name has its place.</summary>
    public string? QueuedFor { get; init; }
}

/// <summary>
/// Chooses the authority for an order. The name is checked before the authority is told of it, because a failed attempt
/// counts against the authority's limits and our own check does not. The first configured authority is chosen whose
/// account is open, which CAA allows, and whose limits have room. A renewal stays with the authority of the
/// certificate, because such an order counts against no limit there.
/// </summary>
internal sealed class ChooseAuthority(
    OpenAccounts accounts,
    Budgets budgets,
    PreCheck preCheck,
    AskCaa caa,
    IOptions<CertificateOptions> options,
    TimeProvider time)
{
    // After this number of failed connections in a row an authority is skipped for this time, if another authority is
    // configured.
    private const int Unreached = 2;
    private static readonly TimeSpan _rest = TimeSpan.FromMinutes(10);

    // After this number of failures in a row a renewal goes to another authority.
    private const int FailuresBeforeLeaving = 3;

    private readonly ConcurrentDictionary<string, (int InARow, DateTimeOffset At)> _unreached = new();
    private readonly ConcurrentDictionary<HostName, ChallengeType> _types = new();

    /// <summary>The challenge type that our own check of the name chose: http-01 unless port 80 is closed.</summary>
    public ChallengeType ChallengeFor(LeasedName name) =>
        _types.TryGetValue(name.Host, out var type) ? type : ChallengeType.Http01;

    /// <summary>Chooses the authority.</summary>
    public async Task<ChosenAuthority> RunAsync(LeasedName name, CancellationToken cancellationToken)
    {
        DnsName? freshAlias = null;
        if (options.Value.CheckBeforeOrder)
        {
            var looked = await preCheck.RunAsync(name.Host, cancellationToken);
            if (looked.Problem is { } unreachable)
            {
                return new ChosenAuthority(null, unreachable);
            }

            freshAlias = looked.FreshAlias;

            if (looked.Type == ChallengeType.Http01)
            {
                _types.TryRemove(name.Host, out _);
            }
            else
            {
                _types[name.Host] = looked.Type;
            }
        }

        var allowed = await caa.AskAsync(name.Host, cancellationToken, freshAlias);
        ChosenAuthority? reason = null;
        var lines = new List<string>();
        foreach (var authority in InOrder(name))
        {
            var tried = await TryAsync(name, authority, allowed, cancellationToken);
            if (tried.Authority is not null)
            {
                return tried;
            }

            if (tried.CaaLine is { } line)
            {
                lines.Add(line);
            }

            // The problem with the shortest wait is reported. A failure is reported before a full limit, because it
            // says more.
            reason = reason is null || (reason.Wait is { } shortest && tried.Wait < shortest) ? tried : reason;
        }

        if (reason is null)
        {
            return new ChosenAuthority(
                null, new AcmeProblem(AcmeProblemType.NotOffered, "No certificate authority is configured."));
        }

        if (reason is { Lack: { } lack, Directory: { } full })
        {
            var turn = await budgets.EnqueueAsync(full, lack, cancellationToken);
            return Full(full, turn, "as many orders as it allows") with
            {
                QueuedFor = Budgets.PlaceIn(full, lack.Bucket),
            };
        }

        return reason.Problem is { Type: AcmeProblemType.Caa } && lines.Count > 0
            ? reason with { Problem = reason.Problem with { Advice = AdviceOn(lines) } }
            : reason;
    }

    /// <summary>Counts a failure at an authority.</summary>
    public async Task FailedAsync(
        LeasedName name, string directory, IssuanceStep step, AcmeProblem problem, CancellationToken cancellationToken)
    {
        if (problem.Type is AcmeProblemType.Unreachable or AcmeProblemType.TimedOut or AcmeProblemType.Unavailable)
        {
            _unreached.AddOrUpdate(
                directory, _ => (1, time.GetUtcNow()), (_, known) => (known.InARow + 1, time.GetUtcNow()));
        }
        else
        {
            _unreached.TryRemove(directory, out _);
        }

        if (step == IssuanceStep.Challenge && accounts.Find(directory) is { } authority)
        {
            await budgets.TakeAsync(
                directory, [Budgets.Failures(authority, name.Host)], isNew: false, queuedFor: null, cancellationToken);
        }
    }

    /// <summary>The advice for CAA records that allow none of our authorities.</summary>
    /// <param name="lines">For each authority the record that would allow it.</param>
    internal static string AdviceOn(IReadOnlyCollection<string> lines) =>
        (lines.Count == 1 ? "Add the record " : "Add one of the records ") + string.Join(" or ", lines)
        + " beside those that are there; the other records stay.";

    /// <summary>Checks whether CAA forbids an authority to issue.</summary>
    /// <param name="open">The authority.</param>
    /// <param name="allowed">The CAA records that DNS gives.</param>
    /// <param name="type">The challenge that will be answered.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns><see langword="null"/> if CAA allows the authority, or the answer is unknown.</returns>
    public static async Task<ChosenAuthority?> ForbiddenAsync(
        OpenAuthority open, CaaAnswer allowed, ChallengeType type, CancellationToken cancellationToken)
    {
        var identities = (await open.Client.ReadDirectoryAsync(cancellationToken)).Value?.CaaIdentities ?? [];
        var issuer = new CaaIssuer(
            identities, open.Account.Url.AbsoluteUri,
            type == ChallengeType.TlsAlpn01 ? "tls-alpn-01" : "http-01");
        var verdict = JudgeCaa.Judge(allowed, issuer);

        // An authority whose directory names no CAA identity cannot be checked here. The authority checks CAA itself. A
        // resolver that does not answer is no reason against an order either.
        return verdict is CaaVerdict.Allowed or CaaVerdict.Unknown
            || (identities.Count == 0 && allowed.Records.Count > 0)
            ? null
            : new ChosenAuthority(
                null, new AcmeProblem(AcmeProblemType.Caa, JudgeCaa.Explain(allowed, verdict)),
                open.Settings.Directory)
            {
                CaaLine = JudgeCaa.LineToAdd(allowed, verdict, issuer),
            };
    }

    private async Task<ChosenAuthority> TryAsync(
        LeasedName name, AuthoritySettings authority, CaaAnswer allowed, CancellationToken cancellationToken)
    {
        var opened = await accounts.OpenAsync(authority, cancellationToken);
        if (!opened.Succeeded(out var open, out var closed))
        {
            await FailedAsync(name, authority.Directory, IssuanceStep.Order, closed, cancellationToken);
            return new ChosenAuthority(null, closed, authority.Directory);
        }

        if (await ForbiddenAsync(open, allowed, ChallengeFor(name), cancellationToken) is { } forbidden)
        {
            return forbidden;
        }

        if (await budgets.LackAsync(
            authority.Directory, Budgets.Failures(authority, name.Host), cancellationToken) is { } failures)
        {
            return Full(
                authority.Directory, failures, "as many failed attempts for the name as it allows in an hour");
        }

        // At an authority with RFC 9773 an order that replaces a certificate counts against no limit.
        var directory = await open.Client.ReadDirectoryAsync(cancellationToken);
        var isFree = directory.Value?.RenewalInformation is not null && name.Current?.RenewalId is not null
            && name.Current.Directory == authority.Directory;
        return !isFree && await budgets.TakeAsync(
            authority.Directory, Budgets.Of(authority, name.Host), isNew: name.Own is null, name.QueuedFor,
            cancellationToken) is { } lack
                ? Full(authority.Directory, lack.Wait, "as many orders as it allows") with
                {
                    Lack = lack.HasQueue ? lack : null,
                    QueuedFor = name.QueuedFor,
                }
                : new ChosenAuthority(open);
    }

    private static ChosenAuthority Full(string directory, TimeSpan wait, string what) => new(
        null,
        new AcmeProblem(
            AcmeProblemType.RateLimited,
            $"{new Uri(directory).Host} has had {what}; it is the name's turn in {About(wait)}."),
        directory,
        wait);

    private static string About(TimeSpan wait) =>
        wait >= TimeSpan.FromDays(3) ? $"about {wait.TotalDays:0} days"
        : wait >= TimeSpan.FromHours(2) ? $"about {wait.TotalHours:0} hours"
        : wait >= TimeSpan.FromMinutes(2) ? $"about {wait.TotalMinutes:0} minutes"
        : "a minute or two";

    private IEnumerable<AuthoritySettings> InOrder(LeasedName name)
    {
        var all = options.Value.Authorities;
        var now = time.GetUtcNow();
        bool IsResting(AuthoritySettings authority) => all.Count > 1
            && _unreached.TryGetValue(authority.Directory, out var known) && known.InARow >= Unreached
            && now - known.At < _rest;
        return all
            .OrderBy(IsResting)
            .ThenByDescending(authority =>
                authority.Directory == name.Current?.Directory && name.Failures < FailuresBeforeLeaving);
    }
}

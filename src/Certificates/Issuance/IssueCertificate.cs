using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Options;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;
using Tracking.Tls.Stored;

namespace Tracking.Certificates.Issuance;

/// <summary>How work on a name ended.</summary>
internal enum IssueOutcome
{
    /// <summary>It has a new certificate.</summary>
    Issued,

    /// <summary>A certificate that was kept is in use again.</summary>
    Adopted,

    /// <summary>Not this time; the row says when it is tried again.</summary>
    Postponed,

    /// <summary>The lease was lost: another process works on it.</summary>
    LeaseLost,
}

/// <summary>
/// Gets the certificate of one name, or goes on where another process stopped. Each step is stored before the next:
/// <list type="number">
/// <item>the order is begun in the database, then placed; its address is stored,</item>
/// <item>the challenge's token is stored and gateways are told, then the authority is told,</item>
/// <item>the key is stored, then the request is sent,</item>
/// <item>the certificate is fetched, checked and stored in one transaction with what may use it.</item>
/// </list>
/// A process that dies between two of them leaves an order that the next one reads from its address.
/// </summary>
internal sealed partial class IssueCertificate(
    ChooseAuthority choose,
    OpenAccounts accounts,
    StoreOrder store,
    KeepCertificate keep,
    TellGateways tell,
    MasterKeys masterKeys,
    IOptions<CertificateOptions> options,
    TimeProvider time,
    ILogger<IssueCertificate> logger)
{
    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(5);

    // Authorities forget orders after a week at most; an older one is begun anew.
    private static readonly TimeSpan _orderAge = TimeSpan.FromDays(7);

    /// <summary>Runs it.</summary>
    /// <param name="name">The name, leased.</param>
    /// <param name="cancellationToken">Ends it between two steps; another process goes on.</param>
    public async Task<IssueOutcome> RunAsync(LeasedName name, CancellationToken cancellationToken)
    {
        var order = name.Order is { } begun && time.GetUtcNow() - begun.BeganAt < _orderAge
            && accounts.Find(begun.Directory) is not null ? begun : null;
        OpenAuthority authority;
        if (order is null)
        {
            var chosen = await choose.RunAsync(name, cancellationToken);
            if (chosen.Authority is null)
            {
                return await PostponeAsync(name, chosen, cancellationToken);
            }

            authority = chosen.Authority;
            order = new OrderUnderWay(
                Guid.CreateVersion7(time.GetUtcNow()), authority.Settings.Directory, null, null, time.GetUtcNow(),
                name.Current is { } current && current.Directory == authority.Settings.Directory ? current.Id : null);
            if (!await store.BeginAsync(name, order, cancellationToken))
            {
                return IssueOutcome.LeaseLost;
            }
        }
        else
        {
            var opened = await accounts.OpenAsync(accounts.Find(order.Directory)!, cancellationToken);
            if (!opened.Succeeded(out var known, out var closed))
            {
                return await FailAsync(name, order, IssuanceStep.Order, closed, cancellationToken);
            }

            authority = known;
        }

        AcmeOrder placed;
        if (order.Url is null)
        {
            var replaces = order.Replaces is not null ? name.Current?.RenewalId : null;
            if (!(await authority.Client.NewOrderAsync(authority.Account, [name.Host], replaces, cancellationToken))
                .Succeeded(out var made, out var refused))
            {
                return await FailAsync(name, order, IssuanceStep.Order, refused, cancellationToken);
            }

            placed = made.Order;
            order = order with { Url = placed.Url };
            if (!await store.KeepUrlAsync(name, placed.Url, cancellationToken))
            {
                return IssueOutcome.LeaseLost;
            }

            await store.AddAttemptAsync(
                name, authority.Settings.Directory, IssuanceStep.Order, null, null, cancellationToken);
        }
        else if (!(await authority.Client.ReadOrderAsync(authority.Account, order.Url, cancellationToken))
            .Succeeded(out var known, out var unread))
        {
            return await FailAsync(name, order, IssuanceStep.Order, unread, cancellationToken);
        }
        else
        {
            placed = known;
        }

        return await CarryOnAsync(name, authority, order, placed, cancellationToken);
    }

    private async Task<IssueOutcome> CarryOnAsync(
        LeasedName name,
        OpenAuthority authority,
        OrderUnderWay order,
        AcmeOrder placed,
        CancellationToken cancellationToken)
    {
        var until = time.GetUtcNow() + options.Value.LongestOrder;
        for (var pause = _firstPause; ; pause = pause * 2 < _longestPause ? pause * 2 : _longestPause)
        {
            AcmeOutcome<AcmeOrder> next;
            switch (placed.Status)
            {
                case OrderStatus.Pending:
                    var answered = await AnswerAsync(name, authority, order, placed, cancellationToken);
                    if (answered is { } ended)
                    {
                        return ended;
                    }

                    next = await authority.Client.ReadOrderAsync(authority.Account, placed.Url, cancellationToken);
                    break;
                case OrderStatus.Ready:
                    var (request, sealedKey) = MakeRequest(name, order);
                    if (order.SealedKey is null)
                    {
                        order = order with { SealedKey = sealedKey };
                        if (!await store.KeepKeyAsync(name, sealedKey, cancellationToken))
                        {
                            return IssueOutcome.LeaseLost;
                        }
                    }

                    next = await authority.Client.FinalizeAsync(
                        authority.Account, placed.Url, placed.Finalize, request, cancellationToken);
                    if (next.Problem is { } refused && refused.Type != AcmeProblemType.OrderNotReady
                        && !IsTransient(refused))
                    {
                        return await FailAsync(name, order, IssuanceStep.Finalize, refused, cancellationToken);
                    }

                    break;
                case OrderStatus.Processing:
                    next = await authority.Client.ReadOrderAsync(authority.Account, placed.Url, cancellationToken);
                    break;
                case OrderStatus.Valid:
                    return await FetchAsync(name, authority, order, placed, cancellationToken);
                default:
                    return await FailAsync(
                        name, order, IssuanceStep.Order,
                        placed.Error ?? new AcmeProblem(
                            AcmeProblemType.Unknown, "The authority has given the order up and does not say why."),
                        cancellationToken);
            }

            if (next.Succeeded(out var order2, out var problem))
            {
                placed = order2;
                if (placed.Status is OrderStatus.Ready or OrderStatus.Valid or OrderStatus.Invalid)
                {
                    continue;
                }
            }
            else if (!IsTransient(problem) && problem.Type != AcmeProblemType.OrderNotReady)
            {
                return await FailAsync(name, order, IssuanceStep.Order, problem, cancellationToken);
            }

            var wait = (problem?.RetryAfter ?? placed.RetryAfter) is { } wanted && wanted > pause
                && placed.Status == OrderStatus.Processing ? wanted : pause;
            if (time.GetUtcNow() + wait > until)
            {
                return await LaterAsync(
                    name, order,
                    problem ?? new AcmeProblem(AcmeProblemType.TimedOut, "The authority has not finished the order yet."),
                    cancellationToken);
            }

            await Task.Delay(wait, time, cancellationToken);
        }
    }

    // Null: all is answered, look at the order again.
    private async Task<IssueOutcome?> AnswerAsync(
        LeasedName name,
        OpenAuthority authority,
        OrderUnderWay order,
        AcmeOrder placed,
        CancellationToken cancellationToken)
    {
        foreach (var url in placed.Authorizations)
        {
            if (!(await authority.Client.ReadAuthorizationAsync(authority.Account, url, cancellationToken))
                .Succeeded(out var authorization, out var problem))
            {
                return IsTransient(problem)
                    ? null : await FailAsync(name, order, IssuanceStep.Challenge, problem, cancellationToken);
            }

            if (authorization.Status is AuthorizationStatus.Invalid or AuthorizationStatus.Gone)
            {
                return await FailAsync(
                    name, order, IssuanceStep.Challenge,
                    authorization.Error ?? new AcmeProblem(
                        AcmeProblemType.Unauthorized, "The authority could not verify the name and does not say why."),
                    cancellationToken);
            }

            if (authorization.Status != AuthorizationStatus.Pending
                || authorization.Challenges.Any(each => each.Status == AuthorizationStatus.Processing))
            {
                continue;
            }

            var type = choose.ChallengeFor(name);
            var challenge = authorization.Challenges.FirstOrDefault(each => each.Type == type)
                ?? authorization.Challenges.FirstOrDefault(each => each.Status == AuthorizationStatus.Pending);
            if (challenge is null)
            {
                return await FailAsync(
                    name, order, IssuanceStep.Challenge,
                    new AcmeProblem(
                        AcmeProblemType.NotOffered, "The authority offers neither http-01 nor tls-alpn-01 for the name."),
                    cancellationToken);
            }

            if (challenge.Status != AuthorizationStatus.Pending)
            {
                continue;
            }

            if (!await store.KeepChallengeAsync(name, challenge, cancellationToken))
            {
                return IssueOutcome.LeaseLost;
            }

            // Six places of the authority ask six different gateways at once: each has to know before the authority
            // does. An http-01 of the first authority is answered from its thumbprint, by all of them, always.
            await tell.OfChallengeAsync(name, challenge.Type, authority.Settings, cancellationToken);
            if ((await authority.Client.AnswerChallengeAsync(authority.Account, challenge.Url, cancellationToken))
                .Problem is { } refused && !IsTransient(refused))
            {
                return await FailAsync(name, order, IssuanceStep.Challenge, refused, cancellationToken);
            }
        }

        return null;
    }

    private async Task<IssueOutcome> FetchAsync(
        LeasedName name,
        OpenAuthority authority,
        OrderUnderWay order,
        AcmeOrder placed,
        CancellationToken cancellationToken)
    {
        if (!(await authority.Client.DownloadAsync(authority.Account, placed.Certificate!, cancellationToken))
            .Succeeded(out var downloaded, out var problem))
        {
            return IsTransient(problem) || problem.Status == StatusCodes.Status404NotFound
                ? await LaterAsync(name, order, problem, cancellationToken)
                : await FailAsync(name, order, IssuanceStep.Download, problem, cancellationToken);
        }

        if (order.SealedKey is null || SealedKey.Open(masterKeys, order.Id, order.SealedKey) is not { } pkcs8)
        {
            return await FailAsync(
                name, order, IssuanceStep.Download,
                new AcmeProblem(AcmeProblemType.BadPublicKey, "The key of this certificate is not here; it is ordered anew."),
                cancellationToken);
        }

        byte[] publicKey;
        try
        {
            using var key = CertificateKey.FromPkcs8(pkcs8);
            publicKey = key.ExportPublicKey();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }

        var now = time.GetUtcNow();
        if (CheckCertificate.Refusal(downloaded.Chain, publicKey, [name.Host], now) is { } refusal)
        {
            return await FailAsync(
                name, order, IssuanceStep.Download, new AcmeProblem(AcmeProblemType.NotAcme, refusal.Reason),
                cancellationToken);
        }

        using var certificate = X509CertificateLoader.LoadCertificate(downloaded.Chain.Certificates[0]);
        var made = new NewCertificate(
            order.Id,
            order.Directory,
            CertificateId.Of(downloaded.Chain.Certificates[0]),
            downloaded.Chain.ToPem(),
            order.SealedKey,
            certificate.NotBefore.ToUniversalTime(),
            certificate.NotAfter.ToUniversalTime());
        await keep.RunAsync(name, made, cancellationToken);
        await store.AddAttemptAsync(name, order.Directory, IssuanceStep.Stored, null, null, cancellationToken);
        LogIssued(name.Host, order.Directory, made.NotAfter);
        tell.OfCertificate(name, made.NotAfter);
        return IssueOutcome.Issued;
    }

    private (byte[] Request, byte[] SealedKey) MakeRequest(LeasedName name, OrderUnderWay order)
    {
        var opened = order.SealedKey is null ? null : SealedKey.Open(masterKeys, order.Id, order.SealedKey);
        using var key = opened is null ? CertificateKey.Create() : CertificateKey.FromPkcs8(opened);
        var pkcs8 = opened ?? key.ExportPkcs8();
        try
        {
            return (
                key.MakeRequest([name.Host]),
                opened is null ? SealedKey.Seal(masterKeys, order.Id, pkcs8) : order.SealedKey!);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    private async Task<IssueOutcome> PostponeAsync(
        LeasedName name, ChosenAuthority chosen, CancellationToken cancellationToken)
    {
        var problem = chosen.Problem!;
        var dueAt = time.GetUtcNow() + (chosen.Wait
            ?? RetryLadder.Next(name.Failures + 1, Left(name), problem));
        await store.AddAttemptAsync(name, chosen.Directory, IssuanceStep.Check, problem, dueAt, cancellationToken);
        LogPostponed(name.Host, problem, dueAt);
        return await (chosen.Wait is null
            ? store.PauseAsync(name, problem, chosen.Directory, dueAt, cancellationToken)
            : store.WaitAsync(name, problem, dueAt, cancellationToken))
            ? IssueOutcome.Postponed : IssueOutcome.LeaseLost;
    }

    // The order is over.
    private async Task<IssueOutcome> FailAsync(
        LeasedName name,
        OrderUnderWay order,
        IssuanceStep step,
        AcmeProblem problem,
        CancellationToken cancellationToken)
    {
        if (problem.Type == AcmeProblemType.AccountDoesNotExist)
        {
            await accounts.ForgetAsync(order.Directory, cancellationToken);
        }
        else if (problem.Type == AcmeProblemType.Unauthorized && step == IssuanceStep.Order)
        {
            await accounts.RefuseAsync(order.Directory, problem, cancellationToken);
        }

        await choose.FailedAsync(name, order.Directory, step, problem, cancellationToken);
        var dueAt = time.GetUtcNow() + RetryLadder.Next(name.Failures + 1, Left(name), problem);
        await store.AddAttemptAsync(name, order.Directory, step, problem, dueAt, cancellationToken);
        LogFailed(name.Host, order.Directory, problem, dueAt);
        return await (IsTransient(problem)
            ? store.PauseAsync(name, problem, order.Directory, dueAt, cancellationToken)
            : store.FailAsync(name, problem, order.Directory, dueAt, cancellationToken))
            ? IssueOutcome.Postponed : IssueOutcome.LeaseLost;
    }

    // The order goes on.
    private async Task<IssueOutcome> LaterAsync(
        LeasedName name, OrderUnderWay order, AcmeProblem problem, CancellationToken cancellationToken)
    {
        var dueAt = time.GetUtcNow() + RetryLadder.Next(1, Left(name), problem);
        LogPostponed(name.Host, problem, dueAt);
        return await store.PauseAsync(name, problem, order.Directory, dueAt, cancellationToken)
            ? IssueOutcome.Postponed : IssueOutcome.LeaseLost;
    }

    private TimeSpan? Left(LeasedName name) => name.Current?.NotAfter - time.GetUtcNow();

    private static bool IsTransient(AcmeProblem problem) => problem.Type is AcmeProblemType.Unreachable
        or AcmeProblemType.TimedOut or AcmeProblemType.Unavailable or AcmeProblemType.ServerInternal
        or AcmeProblemType.BadNonce;

    [LoggerMessage(LogLevel.Information, "{Host} has a certificate of {Authority}, valid until {NotAfter:u}")]
    private partial void LogIssued(Links.HostName host, string authority, DateTimeOffset notAfter);

    [LoggerMessage(LogLevel.Warning, "No certificate for {Host} from {Authority}: {Problem}. Next attempt {Next:u}")]
    private partial void LogFailed(Links.HostName host, string authority, AcmeProblem problem, DateTimeOffset next);

    [LoggerMessage(LogLevel.Information, "The certificate of {Host} waits: {Problem}. Next attempt {Next:u}")]
    private partial void LogPostponed(Links.HostName host, AcmeProblem problem, DateTimeOffset next);
}

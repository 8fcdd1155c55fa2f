using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;
using Tracking.Tls.Stored;

namespace Tracking.Certificates.Issuance;

/// <summary>How an attempt for a name ended.</summary>
internal enum IssueOutcome
{
    /// <summary>The name has a new certificate.</summary>
    Issued,

    /// <summary>An earlier certificate of the name is in use again.</summary>
    Adopted,

    /// <summary>The attempt brought no certificate. The row has the time of the next attempt.</summary>
    Postponed,

    /// <summary>The lease was lost: another process works on the name.</summary>
    LeaseLost,
}

/// <summary>
/// Gets the certificate of one name, or continues where another process stopped. Each step is stored before the next
/// one begins:
/// <list type="number">
/// <item>the order is begun in the database, then placed, and its URL is stored,</item>
/// <item>the challenge's token is stored and gateways are told, then the authority is told,</item>
/// <item>the key is stored, then the request is sent,</item>
/// <item>the certificate is fetched, checked and stored in one transaction with what may use it.</item>
/// </list>
/// If a process dies between two steps, the next process reads the order from its URL.
/// </summary>
internal sealed class IssueCertificate(
    ChooseAuthority choose,
    OpenAccounts accounts,
    StoreOrder store,
    AnswerChallenges answer,
    FetchCertificate fetch,
    EndAttempt end,
    MasterKeys masterKeys,
    IOptions<CertificateOptions> options,
    TimeProvider time)
{
    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(5);

    // Authorities keep orders for a week at most. An older order is begun anew.
    private static readonly TimeSpan _orderAge = TimeSpan.FromDays(7);

    /// <summary>Runs the attempt.</summary>
    /// <param name="name">The name, leased.</param>
    /// <param name="cancellationToken">Ends the attempt between two steps. Another process continues it.</param>
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
                return await end.PostponeAsync(name, chosen, cancellationToken);
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
                return await end.FailAsync(name, order, IssuanceStep.Order, closed, cancellationToken);
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
                return await end.FailAsync(name, order, IssuanceStep.Order, refused, cancellationToken);
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
            return await end.FailAsync(name, order, IssuanceStep.Order, unread, cancellationToken);
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
        var answered = new HashSet<Uri>();
        for (var pause = _firstPause; ; pause = pause * 2 < _longestPause ? pause * 2 : _longestPause)
        {
            var before = placed.Status;
            AcmeOutcome<AcmeOrder> next;
            switch (before)
            {
                case OrderStatus.Pending:
                    if (await answer.RunAsync(name, authority, order, placed, answered, cancellationToken) is { } ended)
                    {
                        return ended;
                    }

                    next = await authority.Client.ReadOrderAsync(authority.Account, placed.Url, cancellationToken);
                    break;
                case OrderStatus.Ready:
                    var (request, sealedKey) = MakeRequest(name, order);
                    if (!ReferenceEquals(sealedKey, order.SealedKey))
                    {
                        order = order with { SealedKey = sealedKey };
                        if (!await store.KeepKeyAsync(name, sealedKey, cancellationToken))
                        {
                            return IssueOutcome.LeaseLost;
                        }
                    }

                    next = await authority.Client.FinalizeAsync(
                        authority.Account, placed.Url, placed.Finalize, request, cancellationToken);
                    if (next.Problem is { } refused)
                    {
                        if (refused.Type != AcmeProblemType.OrderNotReady && !EndAttempt.IsTransient(refused))
                        {
                            return await end.FailAsync(
                                name, order, IssuanceStep.Finalize, refused, cancellationToken);
                        }

                        // The authority may have received the request although its answer was lost. Then the order has
                        // another state.
                        next = await authority.Client.ReadOrderAsync(authority.Account, placed.Url, cancellationToken);
                    }

                    break;
                case OrderStatus.Processing:
                    next = await authority.Client.ReadOrderAsync(authority.Account, placed.Url, cancellationToken);
                    break;
                case OrderStatus.Valid:
                    return await fetch.RunAsync(name, authority, order, placed, cancellationToken);
                default:
                    var (step, reason) = await AnswerChallenges.ExplainAsync(authority, placed, cancellationToken);
                    return await end.FailAsync(name, order, step, reason, cancellationToken);
            }

            if (next.Succeeded(out var read, out var problem))
            {
                placed = read;
                if (placed.Status != before && placed.Status != OrderStatus.Processing)
                {
                    continue;
                }
            }
            else if (!EndAttempt.IsTransient(problem))
            {
                return await end.FailAsync(name, order, IssuanceStep.Order, problem, cancellationToken);
            }

            var wait = (problem?.RetryAfter ?? placed.RetryAfter) is { } wanted && wanted > pause
                && placed.Status == OrderStatus.Processing ? wanted : pause;
            if (time.GetUtcNow() + wait > until)
            {
                return await end.LaterAsync(
                    name, order, IssuanceStep.Order,
                    problem ?? new AcmeProblem(
                        AcmeProblemType.TimedOut, "The authority has not finished the order yet."),
                    cancellationToken);
            }

            await Task.Delay(wait, time, cancellationToken);
        }
    }

    // The stored key is used. Without a stored key, or if it cannot be opened, a new key is made.
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
}

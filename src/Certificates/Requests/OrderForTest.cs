using Microsoft.Extensions.Options;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;
using Tracking.Certificates.Issuance;

namespace Tracking.Certificates.Requests;

/// <summary>Orders a certificate at a test environment. Key and certificate are thrown away.</summary>
internal sealed class OrderForTest(
    OpenAccounts accounts,
    StoreRequests store,
    TellGateways tell,
    IOptions<CertificateOptions> options,
    TimeProvider time)
{
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(1);

    /// <summary>Places the order.</summary>
    /// <returns>Whether the name would get a certificate.</returns>
    public async Task<bool> RunAsync(
        CertificateRequest request, AuthoritySettings authority, ChallengeType type,
        CancellationToken cancellationToken)
    {
        var step = "account";
        if (!(await accounts.OpenAsync(authority, cancellationToken)).Succeeded(out var open, out var problem))
        {
            return await FailAsync(problem);
        }

        step = "order";
        if (!(await open.Client.NewOrderAsync(open.Account, [request.Host], replaces: null, cancellationToken))
            .Succeeded(out var made, out problem))
        {
            return await FailAsync(problem);
        }

        await store.AddAsync(request, step, authority.Directory, "The order was taken.", cancellationToken);
        using var key = CertificateKey.Create();
        var placed = made.Order;
        var until = time.GetUtcNow() + options.Value.LongestOrder;
        var isFinalized = false;
        while (placed.Status != OrderStatus.Valid)
        {
            AcmeOutcome<AcmeOrder> next;
            if (placed.Status == OrderStatus.Pending && step == "order")
            {
                step = "challenge";
                if (await AnswerAsync(request, open, placed, type, cancellationToken) is { } refused)
                {
                    return await FailAsync(refused);
                }

                next = await open.Client.ReadOrderAsync(open.Account, placed.Url, cancellationToken);
            }
            else if (placed.Status == OrderStatus.Ready && !isFinalized)
            {
                isFinalized = true;
                step = "finalize";
                next = await open.Client.FinalizeAsync(
                    open.Account, placed.Url, placed.Finalize, key.MakeRequest([request.Host]), cancellationToken);
            }
            else if (placed.Status == OrderStatus.Invalid)
            {
                return await FailAsync(
                    (await AnswerChallenges.ExplainAsync(open, placed, cancellationToken)).Problem);
            }
            else if (time.GetUtcNow() > until)
            {
                return await FailAsync(new AcmeProblem(
                    AcmeProblemType.TimedOut, "The authority has not finished the order in time."));
            }
            else
            {
                await Task.Delay(_pause, time, cancellationToken);
                next = await open.Client.ReadOrderAsync(open.Account, placed.Url, cancellationToken);
            }

            if (next.Succeeded(out var read, out problem))
            {
                placed = read;
            }
            else if (!EndAttempt.IsTransient(problem))
            {
                return await FailAsync(problem);
            }
        }

        step = "certificate";
        if (!(await open.Client.DownloadAsync(open.Account, placed.Certificate!, cancellationToken))
            .Succeeded(out var downloaded, out problem))
        {
            return await FailAsync(problem);
        }

        if (CheckCertificate.Refusal(downloaded.Chain, key.ExportPublicKey(), [request.Host], time.GetUtcNow())
            is { } fault)
        {
            return await FailAsync(new AcmeProblem(AcmeProblemType.NotAcme, fault.Reason));
        }

        await store.AddAsync(
            request, step, authority.Directory,
            $"A certificate was issued, with the root {downloaded.Chain.RootName}. It is not used.", cancellationToken);
        return true;

        async Task<bool> FailAsync(AcmeProblem why)
        {
            await store.AddAsync(request, step, authority.Directory, why, cancellationToken);
            return false;
        }
    }

    private async Task<AcmeProblem?> AnswerAsync(
        CertificateRequest request,
        OpenAuthority open,
        AcmeOrder placed,
        ChallengeType type,
        CancellationToken cancellationToken)
    {
        foreach (var url in placed.Authorizations)
        {
            if (!(await open.Client.ReadAuthorizationAsync(open.Account, url, cancellationToken))
                .Succeeded(out var authorization, out var problem))
            {
                return problem;
            }

            if (authorization.Status != AuthorizationStatus.Pending)
            {
                continue;
            }

            if ((authorization.Challenges.FirstOrDefault(each => each.Type == type)
                ?? (authorization.Challenges is [var any, ..] ? any : null)) is not { } challenge)
            {
                return new AcmeProblem(
                    AcmeProblemType.NotOffered, "The authority offers neither http-01 nor tls-alpn-01 for the name.");
            }

            if (!await store.KeepChallengeAsync(
                request, open.Settings.Directory, challenge, open.Account.Key.Thumbprint, cancellationToken))
            {
                return new AcmeProblem(AcmeProblemType.TimedOut, "Another process carries the test out.");
            }

            await tell.OfChallengeAsync(request.Cluster, request.Host, cancellationToken);
            if ((await open.Client.AnswerChallengeAsync(open.Account, challenge.Url, cancellationToken)).Problem
                is { } refused)
            {
                return refused;
            }
        }

        return null;
    }
}

using Microsoft.Extensions.Options;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;

namespace Tracking.Certificates.Requests;

/// <summary>Opens the account at each authority and at its test environment, and checks whether the account may order.
/// A missing account is registered, and an account that the authority has closed is replaced. Only the configuration
/// accepts terms of service and binds external accounts.</summary>
internal sealed class RegisterAccounts(
    OpenAccounts accounts, StoreRequests store, IOptions<CertificateOptions> options, TimeProvider time)
{
    /// <summary>Runs the request.</summary>
    public async Task<RequestOutcome> RunAsync(CertificateRequest request, CancellationToken cancellationToken)
    {
        var isRight = true;
        var all = options.Value.Authorities
            .SelectMany(authority => (AuthoritySettings?[])[authority, authority.ForTests()])
            .OfType<AuthoritySettings>()
            .Where(authority => request.Directory is null || authority.Directory == request.Directory)
            .ToList();
        if (all.Count == 0)
        {
            await store.AddAsync(request, "account", request.Directory, NotConfigured(), cancellationToken);
            return RequestOutcome.Done(false);
        }

        foreach (var authority in all)
        {
            var isReplaced = await accounts.ReplaceClosedAsync(authority, cancellationToken);
            var state = await LookAsync(authority, cancellationToken);
            if (state.Problem is { Type: AcmeProblemType.AccountDoesNotExist })
            {
                // The authority does not know the account any more. The account is registered again with the same key.
                await accounts.ForgetAsync(authority.Directory, cancellationToken);
                state = await LookAsync(authority, cancellationToken);
            }

            if (state.Succeeded(out var account, out var problem))
            {
                isRight &= account.IsValid;
                await store.AddAsync(
                    request,
                    new RequestStep(
                        time.GetUtcNow(), "account", account.IsValid, authority.Directory,
                        account.IsValid
                            ? (isReplaced ? "There is another account: " : "The account may order: ") + account.Url
                            : $"The authority has closed the account {account.Url}."),
                    cancellationToken);
                continue;
            }

            isRight = false;
            await accounts.RefuseWhereClosedAsync(authority.Directory, problem, cancellationToken);
            await store.AddAsync(request, "account", authority.Directory, problem, cancellationToken);
        }

        return RequestOutcome.Done(isRight);
    }

    /// <summary>The problem for an authority that is not configured.</summary>
    internal static AcmeProblem NotConfigured() => new(
        AcmeProblemType.NotOffered,
        "No such certificate authority is configured (Tracking__Certificates__Authorities__0__Directory).");

    private async Task<AcmeOutcome<AccountState>> LookAsync(
        AuthoritySettings authority, CancellationToken cancellationToken) =>
        (await accounts.OpenAsync(authority, cancellationToken)).Succeeded(out var open, out var problem)
            ? await open.Client.ReadAccountAsync(open.Account, cancellationToken)
            : problem;
}

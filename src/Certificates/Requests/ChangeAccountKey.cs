using Microsoft.Extensions.Options;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Issuance;

namespace Tracking.Certificates.Requests;

/// <summary>Gives the account at each authority another key (RFC 8555 §7.3.5). The account's URL stays the same, so CAA
/// records that name it stay valid.</summary>
internal sealed class ChangeAccountKey(
    OpenAccounts accounts, StoreRequests store, IOptions<CertificateOptions> options, TimeProvider time)
{
    private static readonly TimeSpan _again = TimeSpan.FromMinutes(1);

    // How long a failed change is tried again: as long as a person may wait for it.
    private static readonly TimeSpan _patience = TimeSpan.FromHours(1);

    /// <summary>Runs the request. When the request is repeated after a crash, accounts that already have their new key
    /// are left alone.</summary>
    public async Task<RequestOutcome> RunAsync(CertificateRequest request, CancellationToken cancellationToken)
    {
        var isRight = true;
        var isOver = true;
        var all = options.Value.Authorities
            .Where(authority => request.Directory is null || authority.Directory == request.Directory).ToList();
        if (all.Count == 0)
        {
            await store.AddAsync(
                request, "key", request.Directory, RegisterAccounts.NotConfigured(), cancellationToken);
            return RequestOutcome.Done(false);
        }

        foreach (var authority in all)
        {
            var opened = await accounts.OpenAsync(authority, cancellationToken);
            if (opened.Value is { KeyChangedAt: { } at } && at >= request.AskedAt)
            {
                continue;
            }

            var changed = opened.Problem is not null
                ? opened : await accounts.ChangeKeyAsync(authority, cancellationToken);
            if (changed.Succeeded(out var open, out var problem))
            {
                await store.AddAsync(
                    request, "key", authority.Directory, $"{open.Account.Url} has another key.", cancellationToken);
                continue;
            }

            isRight = false;
            isOver &= !EndAttempt.IsTransient(problem);
            await store.AddAsync(request, "key", authority.Directory, problem, cancellationToken);
        }

        return isRight || isOver || time.GetUtcNow() - request.AskedAt > _patience
            ? RequestOutcome.Done(isRight)
            : RequestOutcome.After(_again);
    }
}

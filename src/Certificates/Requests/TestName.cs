using Microsoft.Extensions.Options;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;
using Tracking.Certificates.Issuance;
using Tracking.Dns;

namespace Tracking.Certificates.Requests;

/// <summary>Tests whether a name would get a certificate, and says what is in the way. The test checks each address of
/// the name, checks CAA for each authority, and places a whole order at the authority's test environment if one is
/// configured. The certificate is not used, and nothing counts against the limits of the real authorities.</summary>
internal sealed class TestName(
    OpenAccounts accounts,
    PreCheck preCheck,
    AskCaa caa,
    OrderForTest order,
    StoreRequests store,
    IOptions<CertificateOptions> options)
{
    /// <summary>Runs the request.</summary>
    public async Task<RequestOutcome> RunAsync(CertificateRequest request, CancellationToken cancellationToken)
    {
        var looked = await preCheck.RunAsync(request.Host, cancellationToken);
        var isRight = looked.Problem is null;
        if (looked.Problem is { } unreachable)
        {
            await store.AddAsync(request, "look", null, unreachable, cancellationToken);
        }
        else
        {
            await store.AddAsync(
                request, "look", null,
                !looked.IsKnown
                    ? "Our own resolver did not answer: nothing is known about the name's addresses."
                    : looked.Type == ChallengeType.TlsAlpn01
                    ? "Port 80 is closed; the challenge can be made on port 443. This is how it looks from here: "
                        + "authorities look from several countries."
                    : "Each address of the name answers challenges. This is how it looks from here: authorities look "
                        + "from several countries.",
                cancellationToken);
        }

        var allowed = await caa.AskAsync(request.Host, cancellationToken, looked.FreshAlias);
        var isAllowed = false;
        foreach (var authority in options.Value.Authorities)
        {
            isAllowed |= await AskAsync(request, authority, allowed, looked.Type, cancellationToken);
        }

        isRight &= isAllowed;
        var tests = options.Value.Authorities.Select(authority => authority.ForTests()).OfType<AuthoritySettings>();
        if (isRight && tests.FirstOrDefault() is { } test)
        {
            isRight = await order.RunAsync(request, test, looked.Type, cancellationToken);
        }
        else if (isRight)
        {
            await store.AddAsync(
                request, "order", null,
                "Nothing was ordered: no test environment is configured "
                + "(Tracking__Certificates__Authorities__0__TestDirectory).",
                cancellationToken);
        }

        return RequestOutcome.Done(isRight);
    }

    // One authority that would issue is enough.
    private async Task<bool> AskAsync(
        CertificateRequest request,
        AuthoritySettings authority,
        CaaAnswer allowed,
        ChallengeType type,
        CancellationToken cancellationToken)
    {
        if (!(await accounts.OpenAsync(authority, cancellationToken)).Succeeded(out var open, out var closed))
        {
            await store.AddAsync(request, "account", authority.Directory, closed, cancellationToken);
            return false;
        }

        if (await ChooseAuthority.ForbiddenAsync(open, allowed, type, cancellationToken) is { } forbidden)
        {
            var problem = forbidden.CaaLine is { } line
                ? forbidden.Problem! with { Advice = ChooseAuthority.AdviceOn([line]) } : forbidden.Problem!;
            await store.AddAsync(request, "caa", authority.Directory, problem, cancellationToken);
            return false;
        }

        await store.AddAsync(
            request, "caa", authority.Directory,
            JudgeCaa.Explain(allowed, allowed.Failure == CaaFailure.NoResolver
                ? CaaVerdict.Unknown
                : CaaVerdict.Allowed),
            cancellationToken);
        return true;
    }
}

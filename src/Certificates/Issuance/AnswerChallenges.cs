using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;

namespace Tracking.Certificates.Issuance;

/// <summary>Proves the authorizations of an order. The challenge is stored, then the gateways are told, and last the
/// authority is told.</summary>
internal sealed class AnswerChallenges(
    ChooseAuthority choose, StoreOrder store, TellGateways tell, EndAttempt end)
{
    /// <summary>Answers the pending challenges of an order.</summary>
    /// <param name="name">The name, leased.</param>
    /// <param name="authority">The authority.</param>
    /// <param name="order">The order.</param>
    /// <param name="placed">The order as the authority describes it.</param>
    /// <param name="answered">The challenges that were answered before. The authority validates once for each answer
    /// and counts each failure, so no challenge is answered twice.</param>
    /// <param name="cancellationToken">Ends it between two steps.</param>
    /// <returns>How the attempt ended; <see langword="null"/> if all challenges are answered and the order has to be
    /// read again.</returns>
    public async Task<IssueOutcome?> RunAsync(
        LeasedName name,
        OpenAuthority authority,
        OrderUnderWay order,
        AcmeOrder placed,
        HashSet<Uri> answered,
        CancellationToken cancellationToken)
    {
        foreach (var url in placed.Authorizations)
        {
            if (!(await authority.Client.ReadAuthorizationAsync(authority.Account, url, cancellationToken))
                .Succeeded(out var authorization, out var problem))
            {
                return EndAttempt.IsTransient(problem) ? null : await FailAsync(problem);
            }

            if (authorization.Status is AuthorizationStatus.Invalid or AuthorizationStatus.Gone)
            {
                return await FailAsync(authorization.Error ?? new AcmeProblem(
                    AcmeProblemType.Unauthorized, "The authority could not verify the name and does not say why."));
            }

            if (authorization.Status != AuthorizationStatus.Pending
                || authorization.Challenges.Any(each => each.Status == AuthorizationStatus.Processing))
            {
                continue;
            }

            var type = name.Order?.Id == order.Id && name.Challenge is { } stored ? stored : choose.ChallengeFor(name);
            var challenge = authorization.Challenges.FirstOrDefault(each => each.Type == type)
                ?? authorization.Challenges.FirstOrDefault(each => each.Status == AuthorizationStatus.Pending);
            if (challenge is null)
            {
                return await FailAsync(new AcmeProblem(
                    AcmeProblemType.NotOffered, "The authority offers neither http-01 nor tls-alpn-01 for the name."));
            }

            if (challenge.Status != AuthorizationStatus.Pending || answered.Contains(challenge.Url))
            {
                continue;
            }

            if (!await store.KeepChallengeAsync(
                name, challenge, authority.Account.Key.Thumbprint, cancellationToken))
            {
                return IssueOutcome.LeaseLost;
            }

            // The authority asks several gateways from several locations at once, so every gateway has to know the
            // challenge before the authority is told. Every gateway answers an http-01 challenge of the first authority
            // from the thumbprint and needs no message.
            await tell.OfChallengeAsync(name, challenge.Type, authority, cancellationToken);
            var sent = await authority.Client.AnswerChallengeAsync(authority.Account, challenge.Url, cancellationToken);
            if (sent.Problem is not { } refused)
            {
                answered.Add(challenge.Url);
            }
            else if (!EndAttempt.IsTransient(refused))
            {
                return await FailAsync(refused);
            }
        }

        return null;

        async Task<IssueOutcome?> FailAsync(AcmeProblem problem) =>
            await end.FailAsync(name, order, IssuanceStep.Challenge, problem, cancellationToken);
    }

    /// <summary>Finds out why an order is invalid. The order itself mostly has no reason. The reason is in the
    /// authorization of the name that could not be verified.</summary>
    /// <returns>The step that failed, and the authority's words.</returns>
    public static async Task<(IssuanceStep Step, AcmeProblem Problem)> ExplainAsync(
        OpenAuthority authority, AcmeOrder placed, CancellationToken cancellationToken)
    {
        foreach (var url in placed.Authorizations)
        {
            if ((await authority.Client.ReadAuthorizationAsync(authority.Account, url, cancellationToken)).Value
                is { Status: AuthorizationStatus.Invalid, Error: { } error })
            {
                return (IssuanceStep.Challenge, error);
            }
        }

        return (
            IssuanceStep.Order,
            placed.Error ?? new AcmeProblem(
                AcmeProblemType.Unknown, "The authority has given the order up and does not say why."));
    }
}

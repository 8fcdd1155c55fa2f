using Tracking.Tls.Challenges;

namespace Tracking.Certificates.Acme;

/// <summary>Where an authorization or a challenge stands (RFC 8555 §7.1.6).</summary>
public enum AuthorizationStatus
{
    /// <summary>Nothing has been tried yet.</summary>
    Pending,

    /// <summary>The authority is looking (challenges only).</summary>
    Processing,

    /// <summary>It is proved.</summary>
    Valid,

    /// <summary>It failed.</summary>
    Invalid,

    /// <summary>It can no longer be used: run out, deactivated or revoked.</summary>
    Gone,
}

/// <summary>How a name can be proved.</summary>
public enum ChallengeType
{
    /// <summary>A way that this program does not go: dns-01, dns-persist-01, and what comes. Not an error.</summary>
    Other,

    /// <summary>An answer on port 80 (RFC 8555 §8.3).</summary>
    Http01,

    /// <summary>A certificate on port 443 (RFC 8737).</summary>
    TlsAlpn01,
}

/// <summary>One way to prove a name.</summary>
/// <param name="Type">Which.</param>
/// <param name="Url">Posting to it says that the answer is there.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Token">The token; checked (<see cref="KeyAuthorization.IsToken"/>), empty for
/// <see cref="ChallengeType.Other"/>.</param>
/// <param name="Error">Why it failed.</param>
public sealed record AcmeChallenge(
    ChallengeType Type, Uri Url, AuthorizationStatus Status, string Token, AcmeProblem? Error)
{
    /// <summary>How long the authority wants to be left alone before the next look.</summary>
    public TimeSpan? RetryAfter { get; init; }

    internal static AcmeOutcome<AcmeChallenge> Read(AcmeAnswer answer, AcmeTransport transport) =>
        answer.Read(AcmeJson.Default.ChallengeJson).Then(json => Read(answer, json, transport))
            // We answer only those that we know.
            .Then<AcmeChallenge>(challenge => challenge.Type == ChallengeType.Other
                ? answer.NotAcme("it is not the challenge that was answered")
                : challenge);

    internal static AcmeOutcome<AcmeChallenge> Read(AcmeAnswer answer, ChallengeJson json, AcmeTransport transport)
    {
        var type = json.Type switch
        {
            "http-01" => ChallengeType.Http01,
            "tls-alpn-01" => ChallengeType.TlsAlpn01,
            _ => ChallengeType.Other,
        };
        if (type == ChallengeType.Other)
        {
            return new AcmeChallenge(type, answer.Url, AuthorizationStatus.Pending, "", null);
        }

        if (!transport.Resolve(answer, json.Url, "challenge").Succeeded(out var url, out var problem))
        {
            return problem;
        }

        return AcmeAuthorization.StatusOf(json.Status) is not { } status
            ? answer.NotAcme("a challenge has a status that is not known")
            : !KeyAuthorization.IsToken(json.Token)
            ? answer.NotAcme("a challenge has no token, or one that is none")
            : new AcmeChallenge(
                type, url, status, json.Token!, json.Error is null ? null : ReadProblem.From(json.Error))
            {
                RetryAfter = answer.RetryAfter,
            };
    }
}

/// <summary>The proof of one name.</summary>
/// <param name="Url">Its address.</param>
/// <param name="Name">The name, as the authority has it.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Challenges">The ways to prove it that this program goes.</param>
public sealed record AcmeAuthorization(
    Uri Url, string Name, AuthorizationStatus Status, IReadOnlyList<AcmeChallenge> Challenges)
{
    /// <summary>Until when it can be used.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>How long the authority wants to be left alone before the next look.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Why it failed: the error of the challenge that was tried.</summary>
    public AcmeProblem? Error =>
        Challenges.Select(challenge => challenge.Error).FirstOrDefault(error => error is not null);

    // There are five types.
    private const int MaxChallenges = 32;

    internal static AcmeOutcome<AcmeAuthorization> Read(AcmeAnswer answer, AcmeTransport transport)
    {
        if (!answer.Read(AcmeJson.Default.AuthorizationJson).Succeeded(out var json, out var problem))
        {
            return problem;
        }

        if (StatusOf(json.Status) is not { } status || json.Identifier?.Value is not { Length: > 0 } name)
        {
            return answer.NotAcme("an authorization has no name, or a status that is not known");
        }

        var challenges = new List<AcmeChallenge>();
        foreach (var each in (json.Challenges ?? []).OfType<ChallengeJson>().Take(MaxChallenges))
        {
            if (!AcmeChallenge.Read(answer, each, transport).Succeeded(out var challenge, out problem))
            {
                return problem;
            }

            if (challenge.Type != ChallengeType.Other)
            {
                challenges.Add(challenge);
            }
        }

        return new AcmeAuthorization(answer.Url, ReadProblem.Clean(name, 256), status, challenges)
        {
            Expires = json.Expires,
            RetryAfter = answer.RetryAfter,
        };
    }

    internal static AuthorizationStatus? StatusOf(string? text) => text switch
    {
        "pending" => AuthorizationStatus.Pending,
        "processing" => AuthorizationStatus.Processing,
        "valid" => AuthorizationStatus.Valid,
        "invalid" => AuthorizationStatus.Invalid,
        "expired" or "deactivated" or "revoked" => AuthorizationStatus.Gone,
        _ => null,
    };
}

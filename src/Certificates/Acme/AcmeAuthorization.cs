using Tracking.Tls.Challenges;

namespace Tracking.Certificates.Acme;

/// <summary>The state of an authorization or a challenge (RFC 8555 §7.1.6).</summary>
public enum AuthorizationStatus
{
    /// <summary>No challenge has been tried yet.</summary>
    Pending,

    /// <summary>The authority is validating the challenge (challenges only).</summary>
    Processing,

    /// <summary>The proof succeeded.</summary>
    Valid,

    /// <summary>The proof failed.</summary>
    Invalid,

    /// <summary>The authorization can no longer be used: it has expired, or was deactivated or revoked.</summary>
    Gone,
}

/// <summary>The ways to prove control of a name.</summary>
public enum ChallengeType
{
    /// <summary>A challenge type that this program does not use: dns-01, dns-persist-01 and future types. This is no
    /// error.</summary>
    Other,

    /// <summary>http-01: an answer on port 80 (RFC 8555 §8.3).</summary>
    Http01,

    /// <summary>tls-alpn-01: a certificate on port 443 (RFC 8737).</summary>
    TlsAlpn01,
}

/// <summary>A challenge: one way to prove control of a name.</summary>
/// <param name="Type">The type of the challenge.</param>
/// <param name="Url">A POST to this URL tells the authority that the answer is in place.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Token">The token, in the form that <see cref="KeyAuthorization.IsToken"/> accepts; empty for
/// <see cref="ChallengeType.Other"/>.</param>
/// <param name="Error">Why the challenge failed.</param>
public sealed record AcmeChallenge(
    ChallengeType Type, Uri Url, AuthorizationStatus Status, string Token, AcmeProblem? Error)
{
    /// <summary>How long the authority wants to be left alone before the next look.</summary>
    public TimeSpan? RetryAfter { get; init; }

    internal static AcmeOutcome<AcmeChallenge> Read(AcmeAnswer answer, AcmeTransport transport) =>
        answer.Read(AcmeJson.Default.ChallengeJson).Then(json => Read(answer, json, transport))
            // Only known challenge types are answered.
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

/// <summary>An authorization: the proof that one name is ours.</summary>
/// <param name="Url">The authorization's URL.</param>
/// <param name="Name">The name, as the authority writes it.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Challenges">The challenges of the types that this program uses.</param>
public sealed record AcmeAuthorization(
    Uri Url, string Name, AuthorizationStatus Status, IReadOnlyList<AcmeChallenge> Challenges)
{
    /// <summary>When the authorization expires.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>How long the authority wants to be left alone before the next look.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Why the authorization failed: the error of the challenge that was tried.</summary>
    public AcmeProblem? Error =>
        Challenges.Select(challenge => challenge.Error).FirstOrDefault(error => error is not null);

    // Five challenge types exist today.
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

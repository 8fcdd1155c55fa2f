using Tracking.Links;

namespace Tracking.Tls.Challenges;

/// <summary>
/// The thumbprints of our accounts' keys (RFC 7638). With them http-01 (RFC 8555 8.3) is answered without knowledge of
/// the challenge. Implementations answer from memory, because a request waits for the answer.
/// </summary>
public interface IChallengeThumbprints
{
    /// <summary>The thumbprint to answer with.</summary>
    /// <param name="name">The requested host, which is one of ours.</param>
    /// <param name="token">A well-formed token, known or not.</param>
    /// <returns>The thumbprint of the account that ordered if the challenge is known; otherwise that of the first
    /// account; <see langword="null"/> without an account.</returns>
    string? Find(HostName name, string token);
}

using Tracking.Links;

namespace Tracking.Tls.Challenges;

/// <summary>
/// The thumbprints of our accounts' keys (RFC 7638), from which http-01 (RFC 8555 8.3) is answered without knowing the
/// challenge. Asked while somebody waits, so it answers from memory.
/// </summary>
public interface IChallengeThumbprints
{
    /// <summary>The thumbprint to answer with.</summary>
    /// <param name="name">The host that was asked for; one of ours.</param>
    /// <param name="token">A well-formed token, known or not.</param>
    /// <returns>The account's that ordered, when the challenge is known; else the first account's;
    /// <see langword="null"/> when there is no account.</returns>
    string? Find(HostName name, string token);
}

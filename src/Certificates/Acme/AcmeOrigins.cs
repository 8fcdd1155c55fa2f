namespace Tracking.Certificates.Acme;

/// <summary>The origins (RFC 6454) that requests go to: the directory's, and those that are configured. An authority
/// that was taken over, or an answer that somebody could change, cannot send us elsewhere.</summary>
internal sealed class AcmeOrigins
{
    private readonly HashSet<string> _allowed;

    public AcmeOrigins(AuthoritySettings authority) =>
        _allowed = new HashSet<string>(
            authority.OtherOrigins.Prepend(authority.Directory).Select(text => Of(new Uri(text))),
            StringComparer.OrdinalIgnoreCase);

    /// <summary>Why nothing is sent there; <see langword="null"/> when it may be.</summary>
    public AcmeProblem? Refusal(Uri url) =>
        url.Scheme == Uri.UriSchemeHttps && url.UserInfo.Length == 0 && _allowed.Contains(Of(url))
            ? null
            : new AcmeProblem(
                AcmeProblemType.ForeignUrl,
                $"The certificate authority names an address at {ReadProblem.Clean(Of(url), 300)}, which is neither "
                + "its directory's origin nor configured (OtherOrigins).");

    private static string Of(Uri url) => url.GetLeftPart(UriPartial.Scheme) + url.IdnHost + ":" + url.Port;
}

namespace Tracking.Certificates.Acme;

/// <summary>The origins (RFC 6454) to which requests may go: the directory's origin and the configured origins. A
/// compromised authority or a forged answer cannot send our requests to other hosts.</summary>
internal sealed class AcmeOrigins
{
    private readonly HashSet<string> _allowed;

    public AcmeOrigins(AuthoritySettings authority) =>
        _allowed = new HashSet<string>(
            authority.OtherOrigins.Prepend(authority.Directory).Select(text => Of(new Uri(text))),
            StringComparer.OrdinalIgnoreCase);

    /// <summary>The problem with a URL of another origin; <see langword="null"/> if requests may go to the
    /// URL.</summary>
    public AcmeProblem? Refusal(Uri url) =>
        url.Scheme == Uri.UriSchemeHttps && url.UserInfo.Length == 0 && _allowed.Contains(Of(url))
            ? null
            : new AcmeProblem(
                AcmeProblemType.ForeignUrl,
                $"The certificate authority names an address at {ReadProblem.Clean(Of(url), 300)}, which is neither "
                + "its directory's origin nor configured (OtherOrigins).");

    private static string Of(Uri url) => url.GetLeftPart(UriPartial.Scheme) + url.IdnHost + ":" + url.Port;
}

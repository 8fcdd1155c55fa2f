using System.Buffers.Text;
using System.Text.Json;
namespace Tracking.Certificates.Acme;

/// <summary>The reasons for a revocation (RFC 5280 §5.3.1) that a subscriber may give.</summary>
public enum RevocationReason
{
    /// <summary>No reason is given.</summary>
    Unspecified = 0,

    /// <summary>Somebody else has, or may have, the private key.</summary>
    KeyCompromise = 1,

    /// <summary>A newer certificate takes its place.</summary>
    Superseded = 4,

    /// <summary>The name is no longer ours to serve.</summary>
    CessationOfOperation = 5,
}

/// <summary>The authority has revoked the certificate.</summary>
public sealed record Revoked;

public sealed partial class AcmeClient
{
    // Let's Encrypt offers at most three chains.
    private const int MaxAlternates = 10;

    private const string PemChain = "application/pem-certificate-chain";

    /// <summary>Fetches the certificate with the chain that ends at the preferred root (<c>PreferredRoot</c>). Without
    /// a preference, or if no chain ends there, the chain is the authority's own choice.</summary>
    public async Task<AcmeOutcome<DownloadedCertificate>> DownloadAsync(
        AcmeAccount account, Uri certificate, CancellationToken cancellationToken)
    {
        var first = await PostAsync(account, certificate, [], cancellationToken, PemChain);
        if (!first.Succeeded(out var answer, out var problem)
            || !CertificateChain.Read(answer).Succeeded(out var chain, out problem))
        {
            return problem;
        }

        if (_authority.PreferredRoot is not { Length: > 0 } preferred || chain.EndsAt(preferred))
        {
            return new DownloadedCertificate(chain, chain.RootName, [chain.RootName], IsPreferenceMet: true);
        }

        List<string> offered = [chain.RootName];
        foreach (var text in answer.Links.Where(link => link.Relation == "alternate").Take(MaxAlternates))
        {
            // The certificate is used even if an alternate chain cannot be fetched.
            if (!_transport.Resolve(answer, text.Target, "alternate").Succeeded(out var url, out problem)
                || !(await PostAsync(account, url, [], cancellationToken, PemChain))
                    .Succeeded(out var other, out problem)
                || !CertificateChain.Read(other).Succeeded(out var alternate, out problem))
            {
                LogNoAlternate(_authority.Directory, problem);
                continue;
            }

            offered.Add(alternate.RootName);
            if (alternate.EndsAt(preferred))
            {
                return new DownloadedCertificate(alternate, chain.RootName, offered, IsPreferenceMet: true);
            }
        }

        LogNoSuchRoot(_authority.Directory, preferred, string.Join(", ", offered));
        return new DownloadedCertificate(chain, chain.RootName, offered, IsPreferenceMet: false);
    }

    /// <summary>Asks the authority when to renew a certificate (RFC 9773). The request is not signed.</summary>
    /// <param name="certificateId">The certificate's id: <see cref="CertificateId.Of"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<AcmeOutcome<RenewalInformation>> ReadRenewalInformationAsync(
        string certificateId, CancellationToken cancellationToken)
    {
        if (!(await ReadDirectoryAsync(cancellationToken)).Succeeded(out var directory, out var problem))
        {
            return problem;
        }

        if (directory.RenewalInformation is not { } place)
        {
            return NotOffered("renewal information");
        }

        var url = new Uri($"{place.AbsoluteUri.TrimEnd('/')}/{certificateId}");
        return (await _transport.GetAsync(url, cancellationToken)).Then(RenewalInformation.Read);
    }

    /// <summary>Revokes a certificate that was issued to this account.</summary>
    /// <param name="account">The account.</param>
    /// <param name="certificate">The certificate in DER.</param>
    /// <param name="reason">The reason.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<AcmeOutcome<Revoked>> RevokeAsync(
        AcmeAccount account, byte[] certificate, RevocationReason reason, CancellationToken cancellationToken)
    {
        if (!(await ReadDirectoryAsync(cancellationToken)).Succeeded(out var directory, out var problem))
        {
            return problem;
        }

        if (directory.RevokeCertificate is not { } url)
        {
            return NotOffered("revocation");
        }

        var payload = JsonSerializer.SerializeToUtf8Bytes(
            new RevokeJson(Base64Url.EncodeToString(certificate), (int)reason), AcmeJson.Default.RevokeJson);
        return (await PostAsync(account, url, payload, cancellationToken)).Then<Revoked>(_ => new Revoked());
    }

    [LoggerMessage(LogLevel.Warning,
        "{Authority} has no chain that ends at {Preferred}, only at {Offered}. The authority's own choice is used. "
        + "Check PreferredRoot.")]
    private partial void LogNoSuchRoot(string authority, string preferred, string offered);

    [LoggerMessage(LogLevel.Warning, "An alternate chain of {Authority} could not be fetched: {Problem}")]
    private partial void LogNoAlternate(string authority, AcmeProblem problem);
}

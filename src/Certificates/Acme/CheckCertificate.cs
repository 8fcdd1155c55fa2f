using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tracking.Links;

namespace Tracking.Certificates.Acme;

/// <summary>The faults for which an issued certificate is not used.</summary>
public enum CertificateFault
{
    /// <summary>The certificate is for another key.</summary>
    OtherKey,

    /// <summary>The certificate lacks a name.</summary>
    OtherName,

    /// <summary>A certificate of the chain is not valid yet: the authority's clock or ours is wrong.</summary>
    NotYetValid,

    /// <summary>A certificate of the chain has expired.</summary>
    Expired,

    /// <summary>A certificate of the chain was not signed by the next one.</summary>
    BrokenChain,

    /// <summary>A certificate of the chain cannot be read.</summary>
    Unreadable,
}

/// <summary>A fault with its explanation.</summary>
/// <param name="Fault">The fault.</param>
/// <param name="Reason">The explanation, one sentence.</param>
public sealed record RefusedCertificate(CertificateFault Fault, string Reason);

/// <summary>Checks a new certificate before it replaces the one in use.</summary>
public static class CheckCertificate
{
    private const string ServerNames = "2.5.29.17";

    /// <summary>Checks the key, the names, the validity and the signatures of the chain. Whether the root is trusted is
    /// decided by clients.</summary>
    /// <param name="chain">The chain that the authority sent.</param>
    /// <param name="publicKey">The key of the certificate request (SubjectPublicKeyInfo).</param>
    /// <param name="names">The names of the certificate request.</param>
    /// <param name="now">The time.</param>
    /// <returns><see langword="null"/> if the certificate may be used.</returns>
    public static RefusedCertificate? Refusal(
        CertificateChain chain, ReadOnlySpan<byte> publicKey, IEnumerable<HostName> names, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(chain);
        var certificates = new List<X509Certificate2>();
        try
        {
            certificates.AddRange(chain.Certificates.Select(der => X509CertificateLoader.LoadCertificate(der)));
            return Key(certificates[0], publicKey) ?? Names(certificates[0], names)
                ?? Validity(certificates, now) ?? Links(certificates);
        }
        catch (Exception exception) when (exception is CryptographicException or AsnContentException)
        {
            return new(
                CertificateFault.Unreadable,
                $"The certificate cannot be read: {ReadProblem.Clean(exception.Message, 200).TrimEnd('.')}.");
        }
        finally
        {
            certificates.ForEach(certificate => certificate.Dispose());
        }
    }

    private static RefusedCertificate? Key(X509Certificate2 certificate, ReadOnlySpan<byte> publicKey) =>
        certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(publicKey)
            ? null
            : new(CertificateFault.OtherKey, "The certificate is for another key than the key of the request.");

    private static RefusedCertificate? Names(X509Certificate2 certificate, IEnumerable<HostName> names)
    {
        var has = certificate.Extensions[ServerNames] is X509SubjectAlternativeNameExtension alternatives
            ? alternatives.EnumerateDnsNames().ToHashSet(StringComparer.OrdinalIgnoreCase)
            : [];
        foreach (var name in names)
        {
            if (!has.Contains(name.Value))
            {
                return new(
                    CertificateFault.OtherName,
                    $"The certificate is not for {name}, only for "
                    + $"{ReadProblem.Clean(string.Join(", ", has.Take(10).DefaultIfEmpty("no name at all")), 500)}.");
            }
        }

        return null;
    }

    private static RefusedCertificate? Validity(List<X509Certificate2> certificates, DateTimeOffset now)
    {
        foreach (var (index, certificate) in certificates.Index())
        {
            var which = index == 0 ? "The certificate" : $"Certificate {index + 1} of the chain";
            if (now < certificate.NotBefore)
            {
                return new(
                    CertificateFault.NotYetValid,
                    $"{which} is valid from {certificate.NotBefore.ToUniversalTime():u} and it is {now:u} here: "
                    + "a clock is wrong.");
            }

            if (now >= certificate.NotAfter)
            {
                return new(
                    CertificateFault.Expired,
                    $"{which} was valid until {certificate.NotAfter.ToUniversalTime():u} and it is {now:u} here.");
            }
        }

        return null;
    }

    private static RefusedCertificate? Links(List<X509Certificate2> certificates)
    {
        for (var index = 0; index + 1 < certificates.Count; index++)
        {
            var (issued, issuer) = (certificates[index], certificates[index + 1]);
            var isIssuer = issuer.Extensions.OfType<X509BasicConstraintsExtension>()
                .Any(constraints => constraints.CertificateAuthority);
            if (!isIssuer || !issued.IssuerName.RawData.AsSpan().SequenceEqual(issuer.SubjectName.RawData)
                || !CertificateSignature.IsBy(issued, issuer))
            {
                return new(
                    CertificateFault.BrokenChain,
                    $"The chain is broken: certificate {index + 1} was not issued by certificate {index + 2}.");
            }
        }

        return null;
    }
}

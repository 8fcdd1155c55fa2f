using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tracking.Certificates.Acme;

/// <summary>How RFC 9773 §4.1 names a certificate: key identifier of the issuer and serial number.</summary>
public static class CertificateId
{
    private const string AuthorityKeyIdentifier = "2.5.29.35";

    /// <summary>The id.</summary>
    /// <param name="certificate">The certificate in DER.</param>
    /// <returns><see langword="null"/> when the certificate does not name its issuer's key, or is none.</returns>
    public static string? Of(ReadOnlySpan<byte> certificate)
    {
        try
        {
            using var read = X509CertificateLoader.LoadCertificate(certificate);
            var issuer = read.Extensions[AuthorityKeyIdentifier] as X509AuthorityKeyIdentifierExtension;
            return issuer?.KeyIdentifier is { } key
                // The content of the INTEGER: a leading 00 belongs to it.
                ? $"{Base64Url.EncodeToString(key.Span)}.{Base64Url.EncodeToString(read.SerialNumberBytes.Span)}"
                : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}

using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tracking.Certificates.Acme;

/// <summary>The id of a certificate in RFC 9773 §4.1: the issuer's key identifier and the serial number.</summary>
public static class CertificateId
{
    private const string AuthorityKeyIdentifier = "2.5.29.35";

    /// <summary>The id of a certificate.</summary>
    /// <param name="certificate">The certificate in DER.</param>
    /// <returns><see langword="null"/> if the certificate does not name its issuer's key, or the bytes are no
    /// certificate.</returns>
    public static string? Of(ReadOnlySpan<byte> certificate)
    {
        try
        {
            using var read = X509CertificateLoader.LoadCertificate(certificate);
            var issuer = read.Extensions[AuthorityKeyIdentifier] as X509AuthorityKeyIdentifierExtension;
            return issuer?.KeyIdentifier is { } key
                // The content octets of the INTEGER, including a leading 00.
                ? $"{Base64Url.EncodeToString(key.Span)}.{Base64Url.EncodeToString(read.SerialNumberBytes.Span)}"
                : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}

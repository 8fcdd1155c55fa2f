using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tracking.Certificates.Acme;

/// <summary>Checks whether one certificate signed another (RFC 5280 §4.1.1). <see cref="X509Chain"/> checks something
/// else: whether this machine can build a chain to a root.</summary>
internal static class CertificateSignature
{
    // The algorithms that public authorities may use (RFC 5758 §3.2, RFC 4055 §5).
    private static readonly Dictionary<string, (bool IsEcdsa, HashAlgorithmName Hash)> _algorithms = new()
    {
        ["1.2.840.10045.4.3.2"] = (true, HashAlgorithmName.SHA256),
        ["1.2.840.10045.4.3.3"] = (true, HashAlgorithmName.SHA384),
        ["1.2.840.10045.4.3.4"] = (true, HashAlgorithmName.SHA512),
        ["1.2.840.113549.1.1.11"] = (false, HashAlgorithmName.SHA256),
        ["1.2.840.113549.1.1.12"] = (false, HashAlgorithmName.SHA384),
        ["1.2.840.113549.1.1.13"] = (false, HashAlgorithmName.SHA512),
    };

    /// <exception cref="CryptographicException">The issuer's key cannot be read.</exception>
    /// <exception cref="AsnContentException">The certificate is damaged.</exception>
    public static bool IsBy(X509Certificate2 issued, X509Certificate2 issuer)
    {
        if (!_algorithms.TryGetValue(issued.SignatureAlgorithm.Value ?? "", out var algorithm))
        {
            return false;
        }

        var certificate = new AsnReader(issued.RawDataMemory, AsnEncodingRules.DER).ReadSequence();
        var signed = certificate.ReadEncodedValue().Span;
        certificate.ReadSequence();
        var signature = certificate.ReadBitString(out _);
        if (algorithm.IsEcdsa)
        {
            using var ecdsa = issuer.GetECDsaPublicKey();
            return ecdsa is not null
                && ecdsa.VerifyData(signed, signature, algorithm.Hash, DSASignatureFormat.Rfc3279DerSequence);
        }

        using var rsa = issuer.GetRSAPublicKey();
        return rsa is not null && rsa.VerifyData(signed, signature, algorithm.Hash, RSASignaturePadding.Pkcs1);
    }
}

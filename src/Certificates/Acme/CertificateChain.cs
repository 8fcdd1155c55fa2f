using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Tracking.Certificates.Acme;

/// <summary>A certificate and what links it to a root, in the order in which the authority gave them and byte for byte
/// what it gave.</summary>
public sealed class CertificateChain
{
    // Let's Encrypt's longest has four.
    private const int MaxCertificates = 10;

    // Ten of the largest that public authorities issue. Beginnings without an end are searched for again and again.
    private const int MaxPem = 131_072;

    private CertificateChain(IReadOnlyList<byte[]> certificates, string rootName)
    {
        Certificates = certificates;
        RootName = rootName;
    }

    /// <summary>DER, the certificate itself first.</summary>
    public IReadOnlyList<byte[]> Certificates { get; }

    /// <summary>The name of the root at which it ends: who issued the last one.</summary>
    public string RootName { get; }

    /// <summary>Whether it ends at a root of this name, in any case.</summary>
    public bool EndsAt(string rootName) => RootName.Equals(rootName, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads what <see cref="ToPem"/> gave.</summary>
    /// <returns><see langword="null"/> when it is no chain of certificates.</returns>
    public static CertificateChain? FromPem(string pem)
    {
        ArgumentNullException.ThrowIfNull(pem);
        if (pem.Length > MaxPem)
        {
            return null;
        }

        var certificates = new List<byte[]>();
        ReadOnlySpan<char> rest = pem;
        string? rootName = null;
        while (PemEncoding.TryFind(rest, out var fields))
        {
            var body = rest[fields.Base64Data];
            var der = new byte[fields.DecodedDataLength];
            if (rest[fields.Label] is not "CERTIFICATE" || certificates.Count == MaxCertificates
                || !Convert.TryFromBase64Chars(body, der, out var written) || written != der.Length
                || NameOfIssuer(der) is not { } issuer)
            {
                return null;
            }

            certificates.Add(der);
            rootName = issuer;
            rest = rest[fields.Location.End..];
        }

        return rootName is null ? null : new CertificateChain(certificates, rootName);
    }

    /// <summary>As PEM.</summary>
    public string ToPem() =>
        string.Concat(Certificates.Select(der => PemEncoding.WriteString("CERTIFICATE", der) + "\n"));

    internal static AcmeOutcome<CertificateChain> Read(AcmeAnswer answer) =>
        FromPem(Encoding.Latin1.GetString(answer.Body)) is { } chain
            ? chain
            : answer.NotAcme("it is no chain of certificates (application/pem-certificate-chain)");

    private static string? NameOfIssuer(byte[] der)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificate(der);
            return ReadProblem.Clean(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: true), 256);
        }
        catch (Exception exception) when (exception is CryptographicException or AsnContentException)
        {
            return null;
        }
    }
}

/// <summary>A certificate as it was fetched.</summary>
/// <param name="Chain">The chain that was chosen.</param>
/// <param name="DefaultRoot">The root at which the authority's own choice ends.</param>
/// <param name="OfferedRoots">The roots that were seen while choosing.</param>
/// <param name="IsPreferenceMet">Whether it ends where it was wanted, or nothing was wanted.</param>
public sealed record DownloadedCertificate(
    CertificateChain Chain, string DefaultRoot, IReadOnlyList<string> OfferedRoots, bool IsPreferenceMet);

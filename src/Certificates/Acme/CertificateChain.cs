using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Tracking.Certificates.Acme;

/// <summary>A certificate and the certificates above it, in the authority's order and byte for byte as the authority
/// sent them.</summary>
public sealed class CertificateChain
{
    // Let's Encrypt's longest chain has four certificates.
    private const int MaxCertificates = 10;

    // Ten times the largest certificate of a public authority. The limit bounds the search for PEM blocks that begin
    // and never end.
    private const int MaxPem = 131_072;

    private CertificateChain(IReadOnlyList<byte[]> certificates, string rootName)
    {
        Certificates = certificates;
        RootName = rootName;
    }

    /// <summary>The certificates in DER, the issued certificate first.</summary>
    public IReadOnlyList<byte[]> Certificates { get; }

    /// <summary>The name of the root at which the chain ends: the issuer of the last certificate.</summary>
    public string RootName { get; }

    /// <summary>Whether the chain ends at a root of this name. Upper and lower case are equal.</summary>
    public bool EndsAt(string rootName) => RootName.Equals(rootName, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads a chain in the form of <see cref="ToPem"/>.</summary>
    /// <returns><see langword="null"/> if the text is no chain of certificates.</returns>
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

    /// <summary>The chain as PEM.</summary>
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

/// <summary>A fetched certificate.</summary>
/// <param name="Chain">The chain that was chosen.</param>
/// <param name="DefaultRoot">The root at which the authority's own choice ends.</param>
/// <param name="OfferedRoots">The roots of all chains that were fetched.</param>
/// <param name="IsPreferenceMet">Whether the chain ends at the preferred root, or no root is preferred.</param>
public sealed record DownloadedCertificate(
    CertificateChain Chain, string DefaultRoot, IReadOnlyList<string> OfferedRoots, bool IsPreferenceMet);

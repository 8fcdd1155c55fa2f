using System.ComponentModel.DataAnnotations;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Tls;

/// <summary>The operator's own certificate from files.</summary>
public sealed class CertificateFile
{
    /// <summary>A PEM file with the certificate and its chain: <c>fullchain.pem</c>, <c>tls.crt</c>.</summary>
    public string Certificate { get; set; } = "";

    /// <summary>The PEM file with the private key, not encrypted: <c>privkey.pem</c>, <c>tls.key</c>. Not set: the key
    /// is in the certificate's file.</summary>
    public string? Key { get; set; }
}

/// <summary>TLS connections and certificates: <c>Tracking__Tls__…</c>.</summary>
public sealed class TlsOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Tls";

    /// <summary>The longest time from the start of a connection to the end of its TLS handshake, including the PROXY
    /// header; 1 s to 1 min, default 10 s, which is Kestrel's limit for the handshake alone.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Load balancers that send a PROXY header (version 1 or 2) at the beginning of each connection, addresses
    /// or CIDR ranges. A connection from them without the header is refused, because the balancer's address would count
    /// as the client's. From other addresses the header is not accepted. Default none.</summary>
    public IList<string> ProxyProtocolFrom { get; } = [];

    /// <summary>The operator's own certificates from files, for the names in them, including wildcards:
    /// <c>…__0__Certificate</c> is a PEM file with the certificate and its chain, <c>…__0__Key</c> one with the private
    /// key, unless the key is in the same file. These certificates win over certificates from authorities. A changed
    /// file is read again. Default none.</summary>
    public IList<CertificateFile> Files { get; } = [];

    /// <summary>How often the files are checked for changes, 1 s to 1 h, default 10 s. Their time and size are
    /// compared, because the kernel's notifications do not follow the links with which Kubernetes replaces
    /// secrets.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan FilesInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The most certificates in memory, 16 to 1,000,000, default 10,000. The least recently used ones are
    /// removed. A certificate takes about 15 kB with its chain and handles.</summary>
    [Range(16, 1_000_000)]
    public int MaxCertificates { get; set; } = 10_000;

    /// <summary>The most names without a certificate in memory, 16 to 1,000,000, default 16,384, which take about 3 MB.
    /// </summary>
    [Range(16, 1_000_000)]
    public int MaxUnknownNames { get; set; } = 16_384;

    /// <summary>The age at which the certificate of a name is compared with its source again, in the background while
    /// the name is in use; 1 s to 1 min, default 1 min. Changes are announced at once. This covers lost announcements,
    /// and 1 min is the longest that a change may take without the bus.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan RecheckAfter { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The file with a copy of the certificates in use, sealed under the master key. With it a process that
    /// starts while the database is unavailable serves TLS. A gateway with the edge in its process puts the file into
    /// the edge's folder by default, Standalone into its data folder. Otherwise the default is no copy.</summary>
    public string? CopyFile { get; set; }

    /// <summary>The most certificates in that file, the most recently used ones; 1 to 100,000, default 2,000, which
    /// take about 7 MB.</summary>
    [Range(1, 100_000)]
    public int MaxCopied { get; set; } = 2_000;

    /// <summary>The port of https links and redirects, 1 to 65535. Not set: 443, or the port of the TLS listener for a
    /// visitor whose http URL names a port.</summary>
    [Range(1, 65535)]
    public int? PublicPort { get; set; }

    /// <summary>The time for which browsers are told to use https only (HSTS, RFC 6797), from a week after the first
    /// renewal of a name's certificate. On the first day after that renewal the time is at most 1 h, and until the end
    /// of the week at most 1 d. 0 s (never) to 730 d, default 60 d, as Let's Encrypt's integration guide suggests for
    /// names of customers, who may leave.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "730.00:00:00")]
    public TimeSpan StrictTransport { get; set; } = TimeSpan.FromDays(60);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        AddressRanges.Failures(nameof(ProxyProtocolFrom), ProxyProtocolFrom)
            .Concat(Files.Where(file => string.IsNullOrWhiteSpace(file.Certificate)).Select(_ => new ValidationResult(
                "a file without its certificate: takes Certificate and, unless in the same file, Key",
                [nameof(Files)])));
}

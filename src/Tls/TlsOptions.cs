using System.ComponentModel.DataAnnotations;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Tls;

/// <summary>A certificate of the operator's own.</summary>
public sealed class CertificateFile
{
    /// <summary>A PEM file with the certificate and its chain: <c>fullchain.pem</c>, <c>tls.crt</c>.</summary>
    public string Certificate { get; set; } = "";

    /// <summary>The PEM file with its private key, not encrypted: <c>privkey.pem</c>, <c>tls.key</c>. Not set: it is in
    /// the same file.</summary>
    public string? Key { get; set; }
}

/// <summary>What ends TLS: <c>Tracking__Tls__…</c>.</summary>
public sealed class TlsOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Tls";

    /// <summary>Longest time from a connection's first moment to the end of its TLS handshake, the PROXY header
    /// included; 1 s to 1 min, default 10 s, as Kestrel has it for the handshake alone.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Load balancers that send a PROXY header (version 1 or 2) at the beginning of each connection, addresses
    /// or CIDR ranges. From them a connection without it is refused, since its client would pass for the balancer; from
    /// anybody else a header is not understood. Default none.</summary>
    public IList<string> ProxyProtocolFrom { get; } = [];

    /// <summary>Certificates of the operator's own, for the names that they are made out to, wildcards included:
    /// <c>…__0__Certificate</c> is a PEM file with the certificate and its chain, <c>…__0__Key</c> one with the private
    /// key, unless that is in the same file. They win over those from authorities; read again when a file changes.
    /// Default none.</summary>
    public IList<CertificateFile> Files { get; } = [];

    /// <summary>How often the files are looked at for changes, 1 s to 1 h, default 10 s. By their time and size:
    /// notifications of the kernel do not follow the links by which Kubernetes replaces secrets.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan FilesInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Certificates kept in memory, 16 to 1,000,000, default 10,000; the least recently used give way. One
    /// takes about 15 kB with its chain and handles.</summary>
    [Range(16, 1_000_000)]
    public int MaxCertificates { get; set; } = 10_000;

    /// <summary>Names without a certificate that are remembered as such, 16 to 1,000,000, default 16,384: about 3 MB.
    /// </summary>
    [Range(16, 1_000_000)]
    public int MaxUnknownNames { get; set; } = 16_384;

    /// <summary>How old what is known of a name may grow before its source is asked again, in the background while the
    /// name is in use; 1 s to 1 min, default 1 min. News of changes come at once: this is for when they are lost, and
    /// 1 min is the longest that a change may take without the bus.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan RecheckAfter { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The file with the certificates in use, sealed under the master key, from which a process that starts
    /// while the database is away serves TLS. A gateway with the edge in its process puts it into the edge's folder by
    /// itself, Standalone into its data folder; else default none: no copy is kept.</summary>
    public string? CopyFile { get; set; }

    /// <summary>Certificates in that file, the most recently used; 1 to 100,000, default 2,000: about 7 MB.</summary>
    [Range(1, 100_000)]
    public int MaxCopied { get; set; } = 2_000;

    /// <summary>The port of https links and redirects, 1 to 65535. Not set: 443, or for a visitor who names a port in
    /// his http URL, the port that TLS is listened for on.</summary>
    [Range(1, 65535)]
    public int? PublicPort { get; set; }

    /// <summary>How long browsers are told to insist on https (HSTS, RFC 6797), once a name's certificate has been
    /// renewed for a week; before, 1 h on the first day and 1 d until then. 0 s (never) to 730 d, default 60 d: as long
    /// as Let's Encrypt's integration guide suggests, because the name is the customer's, who may leave.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "730.00:00:00")]
    public TimeSpan StrictTransport { get; set; } = TimeSpan.FromDays(60);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        AddressRanges.Failures(nameof(ProxyProtocolFrom), ProxyProtocolFrom)
            .Concat(Files.Where(file => string.IsNullOrWhiteSpace(file.Certificate)).Select(_ => new ValidationResult(
                "a file without its certificate: takes Certificate and, unless in the same file, Key",
                [nameof(Files)])));
}

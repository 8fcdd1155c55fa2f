using System.ComponentModel.DataAnnotations;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>The operator's own names and secrets: <c>Tracking__…</c> without a section.</summary>
public sealed class SystemOptions : IValidatableObject
{
    /// <summary>The host in tracked links of a cluster without a default tracking domain. It is served for every
    /// cluster. Default <c>track.localhost</c>, which resolves to the machine itself: for tests only, not for real
    /// mail.</summary>
    [Required]
    public string SystemHost { get; set; } = "track.localhost";

    /// <summary>The zone under which the verification targets of tracking domains are issued: <c>v-….zone</c>. The
    /// operator's DNS answers every name in it with the addresses of the gateway (one wildcard record). Not set: the
    /// system host is the zone.</summary>
    public string? SystemZone { get; set; }

    /// <summary>Whether something in front of this installation ends TLS with valid certificates for every tracking
    /// domain. Default false: a tracking domain whose https is required waits for a certificate of this
    /// installation.</summary>
    public bool TlsEndsInFront { get; set; }

    /// <summary>The scheme of links on the system host: <c>https</c> (default) or <c>http</c>.</summary>
    [RegularExpression("^https?$", ErrorMessage = "https or http")]
    public string SystemScheme { get; set; } = "https";

    /// <summary>The port in links on the system host, 1 to 65535; not set: the scheme's own.</summary>
    [Range(1, 65535)]
    public int? SystemPort { get; set; }

    /// <summary>The file that holds the master key: 32 bytes as base64. Signing keys are sealed under it. Without it no
    /// link that was ever sent works, so keep it in the backup.</summary>
    public string? MasterKeyFile { get; set; }

    /// <summary>The master key itself, for platforms that pass secrets as variables.</summary>
    [DataType(DataType.Password)]
    public string? MasterKey { get; set; }

    /// <summary>The version of the master key, 1 to 1,000,000, default 1. Each rotation adds 1.</summary>
    [Range(1, 1_000_000)]
    public int MasterKeyVersion { get; set; } = 1;

    /// <summary>The file with the other master key of a rotation. First this is the new key. After the new key has
    /// become the master key, this is the old key, until nothing is sealed under it any more. The other key opens keys
    /// but does not seal them.</summary>
    public string? OtherMasterKeyFile { get; set; }

    /// <summary>The other master key itself, as <see cref="MasterKey"/>.</summary>
    [DataType(DataType.Password)]
    public string? OtherMasterKey { get; set; }

    /// <summary>The version of the other master key, 1 to 1,000,000; not set: there is no other.</summary>
    [Range(1, 1_000_000)]
    public int? OtherMasterKeyVersion { get; set; }

    /// <summary>How often caches of clusters, hosts and keys are read again without a message of the bus; 1 s to 60 s,
    /// default 30 s. While the bus is down, a deleted name may keep working for this long; 60 s is the promised
    /// limit.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan DirectoryRefresh { get; set; } = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        var hasOther = !string.IsNullOrEmpty(OtherMasterKeyFile) || !string.IsNullOrEmpty(OtherMasterKey);
        if (hasOther != OtherMasterKeyVersion is not null)
        {
            yield return new ValidationResult(
                hasOther
                    ? "missing, takes the version of the other master key"
                    : $"got {OtherMasterKeyVersion}, takes a version only together with OtherMasterKeyFile",
                [nameof(OtherMasterKeyVersion)]);
        }

        if (OtherMasterKeyVersion == MasterKeyVersion)
        {
            yield return new ValidationResult(
                $"got {OtherMasterKeyVersion}, takes another version than MasterKeyVersion",
                [nameof(OtherMasterKeyVersion)]);
        }

        if (!HostName.TryParse(SystemHost, out _))
        {
            yield return new ValidationResult(
                $"got \"{SystemHost}\", takes a host name without scheme or port", [nameof(SystemHost)]);
        }

        if (SystemZone is not null && !HostName.TryParse(SystemZone, out _))
        {
            yield return new ValidationResult(
                $"got \"{SystemZone}\", takes a domain name without scheme or port", [nameof(SystemZone)]);
        }
    }
}

using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Database.Hosts;

/// <summary>
/// The data of a tracking domain that rewriting and the edge need. A million of them are in memory, so it has nothing
/// else. Several clusters may have a domain with the same name. They are linked by <see cref="Next"/>. At most one of
/// them is active, and it comes first.
/// </summary>
public sealed class TrackingHost
{
    private readonly long _certificateUntil;
    private readonly bool _isActive;
    private readonly bool _isOptional;
    private bool _used;

    /// <summary>Makes a tracking domain.</summary>
    /// <param name="hostname">A-labels, lower case, without a final dot.</param>
    /// <param name="cluster">The domain's cluster.</param>
    /// <param name="status">Whether the DNS record is right.</param>
    /// <param name="certificateUntil">Until when the certificate is valid.</param>
    /// <param name="https">Whether links must be https.</param>
    public TrackingHost(
        string hostname,
        ClusterId cluster,
        DomainStatus status,
        DateTimeOffset? certificateUntil = null,
        HttpsPolicy https = HttpsPolicy.Required)
    {
        (Hostname, Cluster) = (hostname, cluster);
        _isActive = status == DomainStatus.Active;
        _isOptional = https == HttpsPolicy.Optional;
        _certificateUntil = certificateUntil?.UtcTicks ?? 0;
    }

    /// <summary>A-labels, lower case, without a final dot.</summary>
    public string Hostname { get; internal set; }

    /// <summary>The domain's cluster.</summary>
    public ClusterId Cluster { get; }

    /// <summary>Whether the DNS record is right.</summary>
    public DomainStatus Status => _isActive ? DomainStatus.Active : DomainStatus.Pending;

    /// <summary>Whether links must be https.</summary>
    public HttpsPolicy Https => _isOptional ? HttpsPolicy.Optional : HttpsPolicy.Required;

    /// <summary>Whether only old links work and no new ones are made.</summary>
    public bool IsRetired { get; init; }

    /// <summary>Whether clicks are tracked on it.</summary>
    public bool TracksClicks { get; init; } = true;

    /// <summary>Whether opens are tracked on it.</summary>
    public bool TracksOpens { get; init; } = true;

    /// <summary>How much is stored about people who follow its links. The stricter level of domain and cluster
    /// applies.</summary>
    public TrackingLevel TrackingLevel { get; init; }

    /// <summary>UTM parameters of links on it; empty for none.</summary>
    public string Utm { get; init; } = "";

    /// <summary>Whether it may have links of mail that another system sent.</summary>
    public bool HasImportedLinks { get; init; }

    /// <summary>Destinations that are not tracked on it. The array must not be changed.</summary>
    public string[] ExcludedDomains { get; init; } = [];

    /// <summary>Until when the certificate is valid; <see langword="null"/> without one.</summary>
    public DateTimeOffset? CertificateUntil =>
        _certificateUntil == 0 ? null : new DateTimeOffset(_certificateUntil, TimeSpan.Zero);

    /// <summary>The domain of another cluster with the same name.</summary>
    public TrackingHost? Next { get; internal set; }

    /// <summary>Whether the name was used since the eviction hand last passed.</summary>
    public bool IsUsed
    {
        get => Volatile.Read(ref _used);

        // Written only when it changes, so that the cache line of a frequent name stays shared between cores.
        internal set
        {
            if (_used != value)
            {
                Volatile.Write(ref _used, value);
            }
        }
    }

    /// <summary>Whether there is a valid certificate.</summary>
    public bool HasCertificate(DateTimeOffset now) => _certificateUntil > now.UtcTicks;

    /// <summary>Whether new links may use it. <see cref="AcceptNewLinks"/> decides.</summary>
    /// <param name="now">The time.</param>
    /// <param name="hasHttpsElsewhere"><see cref="SystemOptions.TlsEndsInFront"/>.</param>
    public NewLinks AcceptsNewLinks(DateTimeOffset now, bool hasHttpsElsewhere) =>
        AcceptNewLinks.For(Status, IsRetired, Https, hasHttpsElsewhere || HasCertificate(now));

    /// <summary>The domain of a cluster with this name.</summary>
    public TrackingHost? Of(ClusterId cluster)
    {
        var host = this;
        while (host is not null && host.Cluster != cluster)
        {
            host = host.Next;
        }

        return host;
    }

    /// <summary>Whether two lists of domains have the same content.</summary>
    public static bool AreSame(TrackingHost? one, TrackingHost? other)
    {
        for (; one is not null && other is not null; (one, other) = (one.Next, other.Next))
        {
            if (one.Hostname != other.Hostname || one.Cluster != other.Cluster || one.Status != other.Status
                || one.Https != other.Https || one._certificateUntil != other._certificateUntil
                || one.IsRetired != other.IsRetired || one.TracksClicks != other.TracksClicks
                || one.TracksOpens != other.TracksOpens || one.TrackingLevel != other.TrackingLevel
                || one.Utm != other.Utm
                || one.HasImportedLinks != other.HasImportedLinks
                || !one.ExcludedDomains.AsSpan().SequenceEqual(other.ExcludedDomains))
            {
                return false;
            }
        }

        return one is null && other is null;
    }

    /// <summary>Whether links of a cluster work on this domain.</summary>
    public bool Serves(ClusterId cluster) => _isActive && Cluster == cluster;
}

using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Database.Hosts;

/// <summary>
/// A tracking domain as rewriting and the edge need it. A million of them are kept in memory, so it holds no more than
/// that. The same name may be a domain of several clusters: they follow each other by <see cref="Next"/>, an active one
/// first, and of those there is one at most.
/// </summary>
public sealed class TrackingHost
{
    private readonly long _certificateUntil;
    private readonly bool _isActive;
    private readonly bool _isOptional;
    private bool _used;

    /// <summary>Makes one.</summary>
    /// <param name="hostname">A-labels, lower case, without a final dot.</param>
    /// <param name="cluster">Whose it is.</param>
    /// <param name="status">Whether its record is right.</param>
    /// <param name="certificateUntil">Until when its certificate is valid.</param>
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

    /// <summary>Whose it is.</summary>
    public ClusterId Cluster { get; }

    /// <summary>Whether its record is right.</summary>
    public DomainStatus Status => _isActive ? DomainStatus.Active : DomainStatus.Pending;

    /// <summary>Whether links must be https.</summary>
    public HttpsPolicy Https => _isOptional ? HttpsPolicy.Optional : HttpsPolicy.Required;

    /// <summary>Old links are served, no new ones are made.</summary>
    public bool IsRetired { get; init; }

    /// <summary>Whether clicks are tracked on it.</summary>
    public bool TracksClicks { get; init; } = true;

    /// <summary>Whether opens are tracked on it.</summary>
    public bool TracksOpens { get; init; } = true;

    /// <summary>How much is kept of who follows its links, where that is stricter than its cluster's level.</summary>
    public TrackingLevel TrackingLevel { get; init; }

    /// <summary>UTM parameters of links on it; empty for none.</summary>
    public string Utm { get; init; } = "";

    /// <summary>Whether paths on it may be links of mail that another system sent.</summary>
    public bool HasImportedLinks { get; init; }

    /// <summary>Destinations that stay plain on it; not changed afterwards.</summary>
    public string[] ExcludedDomains { get; init; } = [];

    /// <summary>Until when its certificate is valid; <see langword="null"/> without one.</summary>
    public DateTimeOffset? CertificateUntil =>
        _certificateUntil == 0 ? null : new DateTimeOffset(_certificateUntil, TimeSpan.Zero);

    /// <summary>The same name at another cluster.</summary>
    public TrackingHost? Next { get; internal set; }

    /// <summary>Asked for since the eviction hand last passed.</summary>
    public bool IsUsed
    {
        get => Volatile.Read(ref _used);

        // Written only when it changes: a hot name's cache line stays shared between cores.
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

    /// <summary>The one answer to whether new links use it.</summary>
    /// <param name="now">The time.</param>
    /// <param name="hasHttpsElsewhere"><see cref="SystemOptions.TlsEndsInFront"/>.</param>
    public NewLinks AcceptsNewLinks(DateTimeOffset now, bool hasHttpsElsewhere) =>
        AcceptNewLinks.For(Status, IsRetired, Https, hasHttpsElsewhere || HasCertificate(now));

    /// <summary>The domain that a cluster has of this name.</summary>
    public TrackingHost? Of(ClusterId cluster)
    {
        var host = this;
        while (host is not null && host.Cluster != cluster)
        {
            host = host.Next;
        }

        return host;
    }

    /// <summary>Whether two say the same.</summary>
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

    /// <summary>Whether the name serves a cluster's links.</summary>
    public bool Serves(ClusterId cluster) => _isActive && Cluster == cluster;
}

using Tracking.Links;

namespace Tracking.Tls;

/// <summary>The standing of a host name.</summary>
public enum HostStanding
{
    /// <summary>This directory does not know: it has only some names, or has not been read yet. Another directory may
    /// know the name.</summary>
    Unsaid,

    /// <summary>No cluster has the name. No store needs to be asked.</summary>
    Unknown,

    /// <summary>A cluster has the name, but it is not served now: it is pending or demoted. Challenges for it are
    /// answered.</summary>
    Registered,

    /// <summary>The name is served, over http too.</summary>
    Active,

    /// <summary>The name is served, and visitors are redirected to https once it has a certificate.</summary>
    ActiveWithHttps,
}

/// <summary>
/// A directory of our host names. Every new TLS connection and every request without TLS asks it, so implementations
/// answer from memory. Several directories may be added. The highest answer in the order of <see cref="HostStanding"/>
/// counts.
/// </summary>
public interface IServedHosts
{
    /// <summary>Finds the standing of a name in memory.</summary>
    HostStanding Find(HostName name);

    /// <summary>As <see cref="Find"/>, but asks a store about a name that is not in memory: for the first visitor of a
    /// name, and for certificate authorities, which come before all visitors.</summary>
    ValueTask<HostStanding> LearnAsync(HostName name) => new(Find(name));
}

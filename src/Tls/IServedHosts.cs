using Tracking.Links;

namespace Tracking.Tls;

/// <summary>What is known of a host name.</summary>
public enum HostStanding
{
    /// <summary>Nothing: this directory has only some names, or has not been read yet. Another may know.</summary>
    Unsaid,

    /// <summary>Nobody's: not worth a question to any store.</summary>
    Unknown,

    /// <summary>Somebody's, but not served now: pending or demoted. Challenges are answered for it.</summary>
    Registered,

    /// <summary>Served, over http too where a visitor asks so.</summary>
    Active,

    /// <summary>Served, and visitors belong on https once there is a certificate.</summary>
    ActiveWithHttps,
}

/// <summary>
/// Which host names are ours. Asked for every new TLS connection and every request without TLS, so it answers from
/// memory. Several may be added; the one that says most counts, in the order of <see cref="HostStanding"/>.
/// </summary>
public interface IServedHosts
{
    /// <summary>What is known of a name.</summary>
    HostStanding Find(HostName name);

    /// <summary>As <see cref="Find"/>, and asks a store about a name that is not in memory yet: for the first visitor
    /// of a name, and for authorities, who come before anybody else.</summary>
    ValueTask<HostStanding> LearnAsync(HostName name) => new(Find(name));
}

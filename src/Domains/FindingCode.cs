using System.Text.Json.Serialization;

namespace Tracking.Domains;

/// <summary>The closed list of what a check of a tracking domain can find. In JSON the codes are words with hyphens:
/// <c>other-target</c>. Codes are added but never renamed, because they are stored and sent to webhooks.</summary>
[JsonConverter(typeof(KebabCaseWords<FindingCode>))]
public enum FindingCode : byte
{
    /// <summary>The name has no record.</summary>
    NoRecord,

    /// <summary>The CNAME record points to another name.</summary>
    OtherTarget,

    /// <summary>The name has an address record and no CNAME record.</summary>
    AddressInsteadOfCname,

    /// <summary>The provider answers with the addresses of the target instead of with the CNAME record.</summary>
    Flattened,

    /// <summary>The addresses belong to a proxy in front of the name.</summary>
    Proxied,

    /// <summary>The record's name contains the zone's name twice.</summary>
    DoubledSuffix,

    /// <summary>The record's value was entered as a URL.</summary>
    ValueWithScheme,

    /// <summary>The zone's name was appended to the record's value.</summary>
    ValueWithZoneAppended,

    /// <summary>The name has no record of its own. A wildcard record answers, and points elsewhere.</summary>
    WildcardInTheWay,

    /// <summary>A wildcard record points to the target. So every name beside this one points to the target
    /// too.</summary>
    WildcardToTarget,

    /// <summary>The name has several CNAME records, which DNS does not allow.</summary>
    SeveralRecords,

    /// <summary>The aliases form a loop.</summary>
    Loop,

    /// <summary>The chain of aliases is longer than we follow.</summary>
    ChainTooLong,

    /// <summary>A name server of the zone does not serve the zone.</summary>
    LameServer,

    /// <summary>A name server refuses to answer.</summary>
    ServerRefuses,

    /// <summary>A name server could not be reached, or has no address.</summary>
    ServerUnreachable,

    /// <summary>A name server's answers break the rules of DNS, or forged answers came in between.</summary>
    BadAnswers,

    /// <summary>The zone's name servers give different answers.</summary>
    ServersDisagree,

    /// <summary>The parent zone names other name servers than the zone itself.</summary>
    DelegationMismatch,

    /// <summary>No zone was found that the record could belong to.</summary>
    NoZone,

    /// <summary>A name server or the resolver answers SERVFAIL.</summary>
    Servfail,

    /// <summary>The zone's DNSSEC signatures are broken.</summary>
    DnssecBogus,

    /// <summary>A name server did not answer in time.</summary>
    TimeOut,

    /// <summary>A name server has an address that is not asked: a private address, or one of our own.</summary>
    NameServerAddressRefused,

    /// <summary>The name servers have the record. Resolvers may still have the old answer in their cache.</summary>
    NotYetPublished,

    /// <summary>Only the resolver answered; no name server of the zone did.</summary>
    ResolverOnly,

    /// <summary>The check needed more questions than it may send.</summary>
    TooManyQueries,

    /// <summary>No server could be reached, not even our own resolver.</summary>
    NoNetwork,

    /// <summary>The operator's own target is behind a proxy. The proxy refuses requests for other owners'
    /// names.</summary>
    TargetProxied,

    /// <summary>Browsers open the name by https only: a parent name demands it for all names below (HSTS), or the
    /// top-level domain is on the browsers' preload list.</summary>
    HttpsForcedByParent,
}

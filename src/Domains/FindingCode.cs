using System.Text.Json.Serialization;

namespace Tracking.Domains;

/// <summary>The closed list of what a check of a tracking domain can find. In JSON the words have hyphens:
/// <c>other-target</c>. Words are only added, never renamed: they are stored and sent to webhooks.</summary>
[JsonConverter(typeof(KebabCaseWords<FindingCode>))]
public enum FindingCode : byte
{
    /// <summary>The name has no record.</summary>
    NoRecord,

    /// <summary>The CNAME record leads to another name.</summary>
    OtherTarget,

    /// <summary>The name has an address record and no CNAME record.</summary>
    AddressInsteadOfCname,

    /// <summary>The provider answers with the addresses of the target instead of with the CNAME record.</summary>
    Flattened,

    /// <summary>The addresses belong to a proxy in front of the name.</summary>
    Proxied,

    /// <summary>The zone's name stands twice in the record's name.</summary>
    DoubledSuffix,

    /// <summary>The record's value was entered as a URL.</summary>
    ValueWithScheme,

    /// <summary>The zone's name was appended to the record's value.</summary>
    ValueWithZoneAppended,

    /// <summary>The name has no record of its own: the answer comes from a wildcard record that leads
    /// elsewhere.</summary>
    WildcardInTheWay,

    /// <summary>A wildcard record leads to the target, and with it every other name beside this one.</summary>
    WildcardToTarget,

    /// <summary>The name has several CNAME records, which DNS does not allow.</summary>
    SeveralRecords,

    /// <summary>The aliases lead back to one another.</summary>
    Loop,

    /// <summary>More aliases follow each other than are followed.</summary>
    ChainTooLong,

    /// <summary>A name server of the zone knows nothing of the zone.</summary>
    LameServer,

    /// <summary>A name server refuses to answer.</summary>
    ServerRefuses,

    /// <summary>A name server could not be reached, or has no address.</summary>
    ServerUnreachable,

    /// <summary>A name server's answers break the rules of DNS, or somebody else's answers came in between.</summary>
    BadAnswers,

    /// <summary>The zone's name servers give different answers.</summary>
    ServersDisagree,

    /// <summary>The parent zone names other name servers than the zone itself.</summary>
    DelegationMismatch,

    /// <summary>No zone was found in which the record could stand.</summary>
    NoZone,

    /// <summary>A name server or the resolver reports a failure of its own (SERVFAIL).</summary>
    Servfail,

    /// <summary>The zone's DNSSEC signatures are broken.</summary>
    DnssecBogus,

    /// <summary>A name server did not answer in time.</summary>
    TimeOut,

    /// <summary>A name server has an address to which no question is sent: a private one, or one of ours.</summary>
    NameServerAddressRefused,

    /// <summary>Name servers have the record; resolvers may still remember what was there before.</summary>
    NotYetPublished,

    /// <summary>Only the resolver answered; no name server of the zone did.</summary>
    ResolverOnly,

    /// <summary>More questions would have been needed than one check may ask.</summary>
    TooManyQueries,

    /// <summary>Nobody could be reached, not even our own resolver.</summary>
    NoNetwork,

    /// <summary>The operator's own target lies behind a proxy, which takes no traffic of other people's
    /// names.</summary>
    TargetProxied,

    /// <summary>Browsers open the name by https alone: a parent says so for all names below it, or its top-level domain
    /// is on their list.</summary>
    HttpsForcedByParent,
}

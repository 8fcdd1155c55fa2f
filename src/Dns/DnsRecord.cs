using System.Globalization;
using System.Net;

namespace Tracking.Dns;

/// <summary>Record types with their numbers (IANA, DNS parameters).</summary>
public enum DnsType : ushort
{
    /// <summary>An IPv4 address.</summary>
    A = 1,

    /// <summary>A name server of a zone.</summary>
    Ns = 2,

    /// <summary>An alias.</summary>
    Cname = 5,

    /// <summary>The start of authority of a zone, with its times.</summary>
    Soa = 6,

    /// <summary>An IPv6 address.</summary>
    Aaaa = 28,

    /// <summary>An alias for everything below a name (RFC 6672).</summary>
    Dname = 39,

    /// <summary>Who may issue certificates (RFC 8659).</summary>
    Caa = 257,
}

/// <summary>A question to a server, always in class IN.</summary>
/// <param name="Name">The name.</param>
/// <param name="Type">The type.</param>
public readonly record struct DnsQuestion(DnsName Name, DnsType Type);

/// <summary>One record of an answer.</summary>
/// <param name="Owner">The name that the record belongs to.</param>
/// <param name="Type">The record type.</param>
/// <param name="Ttl">How long a resolver may cache the record.</param>
public abstract record DnsRecord(DnsName Owner, DnsType Type, TimeSpan Ttl)
{
    /// <summary>The value as in a zone file.</summary>
    public abstract string Value { get; }

    /// <summary>Type and value.</summary>
    public sealed override string ToString() => $"{Type.ToString().ToUpperInvariant()} {Value}";
}

/// <summary>A, AAAA.</summary>
/// <param name="Owner">The name that the record belongs to.</param>
/// <param name="Type">The record type.</param>
/// <param name="Ttl">How long a resolver may cache the record.</param>
/// <param name="Address">The address.</param>
public sealed record AddressRecord(DnsName Owner, DnsType Type, TimeSpan Ttl, IPAddress Address)
    : DnsRecord(Owner, Type, Ttl)
{
    /// <inheritdoc/>
    public override string Value => Address.ToString();
}

/// <summary>CNAME, DNAME, NS.</summary>
/// <param name="Owner">The name that the record belongs to.</param>
/// <param name="Type">The record type.</param>
/// <param name="Ttl">How long a resolver may cache the record.</param>
/// <param name="Target">The name that the record points to.</param>
public sealed record NameRecord(DnsName Owner, DnsType Type, TimeSpan Ttl, DnsName Target)
    : DnsRecord(Owner, Type, Ttl)
{
    /// <inheritdoc/>
    public override string Value => Target.ToString();
}

/// <summary>SOA, with the only field that we use: how long a resolver may cache that a record does not exist.</summary>
/// <param name="Owner">The zone.</param>
/// <param name="Ttl">How long a resolver may cache the record.</param>
/// <param name="Minimum">The last field (RFC 2308, 4).</param>
public sealed record SoaRecord(DnsName Owner, TimeSpan Ttl, TimeSpan Minimum) : DnsRecord(Owner, DnsType.Soa, Ttl)
{
    /// <summary>How long a resolver may cache that a record does not exist in the zone (RFC 2308, 5).</summary>
    public TimeSpan NegativeTtl => Ttl < Minimum ? Ttl : Minimum;

    /// <inheritdoc/>
    public override string Value =>
        string.Create(CultureInfo.InvariantCulture, $"{Owner} minimum {Minimum.TotalSeconds}");
}

/// <summary>CAA (RFC 8659).</summary>
/// <param name="Owner">The name that the record belongs to.</param>
/// <param name="Ttl">How long a resolver may cache the record.</param>
/// <param name="IsCritical">Whether an authority that does not know the tag must not issue.</param>
/// <param name="Tag">In lower case: <c>issue</c>, <c>issuewild</c>, <c>iodef</c>.</param>
/// <param name="Text">The value.</param>
public sealed record CaaRecord(DnsName Owner, TimeSpan Ttl, bool IsCritical, string Tag, string Text)
    : DnsRecord(Owner, DnsType.Caa, Ttl)
{
    /// <inheritdoc/>
    public override string Value => $"{(IsCritical ? 128 : 0)} {Tag} \"{Text}\"";
}

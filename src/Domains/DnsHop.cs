using System.Text.Json.Serialization;

namespace Tracking.Domains;

/// <summary>Why a question was asked.</summary>
[JsonConverter(typeof(KebabCaseWords<HopPurpose>))]
public enum HopPurpose : byte
{
    /// <summary>Follows the aliases from the name to its target.</summary>
    Walk,

    /// <summary>Finds the zone and its name servers.</summary>
    Zone,

    /// <summary>Asks the resolver for the same name.</summary>
    Resolver,

    /// <summary>Looks for the cause of a finding: asks for a name beside this one, or for the name with the zone
    /// appended twice.</summary>
    Probe,
}

/// <summary>One question and its result.</summary>
public sealed record DnsHop
{
    /// <summary>Why the question was asked.</summary>
    public required HopPurpose Purpose { get; init; }

    /// <summary>The name that was asked for; unusual octets are escaped as in zone files (RFC 1035 5.1).</summary>
    public required string Name { get; init; }

    /// <summary>The record type: <c>A</c>, <c>CNAME</c>, <c>NS</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The name server's name; <see langword="null"/> for the resolver.</summary>
    public string? Server { get; init; }

    /// <summary>The address that was asked, with its port unless the port is 53.</summary>
    public string? Address { get; init; }

    /// <summary><c>udp</c> or <c>tcp</c>.</summary>
    public required string Transport { get; init; }

    /// <summary>The response code (<c>NOERROR</c>, <c>NXDOMAIN</c>); <see langword="null"/> without an
    /// answer.</summary>
    public string? Rcode { get; init; }

    /// <summary>Why there is no answer: <c>timed-out</c>, <c>unreachable</c>; <see langword="null"/> with an
    /// answer.</summary>
    public string? Failure { get; init; }

    /// <summary>The server's own explanation (RFC 8914): its number, the number's meaning, and the server's
    /// text.</summary>
    public string? ExtendedError { get; init; }

    /// <summary>How long a resolver may cache the answer, in seconds: the record's TTL, or the negative TTL (RFC 2308)
    /// when there is no record.</summary>
    public int? Ttl { get; init; }

    /// <summary>The records of the answer, such as <c>CNAME v-abc.t.example</c>.</summary>
    public required IReadOnlyList<string> Answers { get; init; }

    /// <summary>When the question ended, UTC.</summary>
    public required DateTimeOffset At { get; init; }
}

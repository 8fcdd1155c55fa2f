using System.Text.Json.Serialization;

namespace Tracking.Domains;

/// <summary>Why a question was asked.</summary>
[JsonConverter(typeof(KebabCaseWords<HopPurpose>))]
public enum HopPurpose : byte
{
    /// <summary>A step of the way from the name to its target.</summary>
    Walk,

    /// <summary>Where the zone begins and who serves it.</summary>
    Zone,

    /// <summary>The same step again, by the resolver.</summary>
    Resolver,

    /// <summary>Something that explains what was found: a name beside it, the name with the zone twice.</summary>
    Probe,
}

/// <summary>One question and what came of it.</summary>
public sealed record DnsHop
{
    /// <summary>Why it was asked.</summary>
    public required HopPurpose Purpose { get; init; }

    /// <summary>The name in question; unusual octets as in zone files (RFC 1035 5.1).</summary>
    public required string Name { get; init; }

    /// <summary>The record type: <c>A</c>, <c>CNAME</c>, <c>NS</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The name server's name; <see langword="null"/> for the resolver.</summary>
    public string? Server { get; init; }

    /// <summary>Who was asked: an address with its port when that is not 53.</summary>
    public string? Address { get; init; }

    /// <summary><c>udp</c> or <c>tcp</c>.</summary>
    public required string Transport { get; init; }

    /// <summary>The answer's code (<c>NOERROR</c>, <c>NXDOMAIN</c>); <see langword="null"/> when none came.</summary>
    public string? Rcode { get; init; }

    /// <summary>Why no answer came: <c>timed-out</c>, <c>unreachable</c>; <see langword="null"/> when one
    /// did.</summary>
    public string? Failure { get; init; }

    /// <summary>The server's own explanation (RFC 8914): its number, our words for it, and the server's text.</summary>
    public string? ExtendedError { get; init; }

    /// <summary>How long the answer may be remembered, in seconds: the record's TTL, or the negative TTL of RFC 2308
    /// when there is none.</summary>
    public int? Ttl { get; init; }

    /// <summary>What was answered, a record a line: <c>CNAME v-abc.t.example</c>.</summary>
    public required IReadOnlyList<string> Answers { get; init; }

    /// <summary>When, UTC.</summary>
    public required DateTimeOffset At { get; init; }
}

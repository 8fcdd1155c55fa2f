using System.Globalization;

namespace Tracking.Dns;

/// <summary>Response codes (IANA, DNS parameters). Other codes keep their number.</summary>
public enum DnsRcode : ushort
{
    /// <summary>No error.</summary>
    NoError = 0,

    /// <summary>The server could not parse the question.</summary>
    FormErr = 1,

    /// <summary>The server failed.</summary>
    ServFail = 2,

    /// <summary>There is no such name.</summary>
    NxDomain = 3,

    /// <summary>The server does not support this kind of question.</summary>
    NotImp = 4,

    /// <summary>The server refuses to answer.</summary>
    Refused = 5,

    /// <summary>The server is not authoritative for the zone.</summary>
    NotAuth = 9,

    /// <summary>The server does not support this version of EDNS.</summary>
    BadVers = 16,
}

/// <summary>The message of a server, parsed and checked.</summary>
public sealed record DnsMessage
{
    /// <summary>The response code, with the upper bits from EDNS.</summary>
    public required DnsRcode Rcode { get; init; }

    /// <summary>AA: the server is authoritative for the zone.</summary>
    public required bool IsAuthoritative { get; init; }

    /// <summary>TC: the message was truncated.</summary>
    public bool IsTruncated { get; init; }

    /// <summary>AD: the resolver has validated the DNSSEC signatures.</summary>
    public bool IsAuthentic { get; init; }

    /// <summary>The answer section's records of the types that we know.</summary>
    public required IReadOnlyList<DnsRecord> Answers { get; init; }

    /// <summary>How many records of other types the answer section has, without signatures. We never ask for such
    /// types.</summary>
    public int OtherAnswers { get; init; }

    /// <summary>The authority section's records of the types that we know.</summary>
    public required IReadOnlyList<DnsRecord> Authority { get; init; }

    /// <summary>The additional section's records of the types that we know.</summary>
    public required IReadOnlyList<DnsRecord> Additional { get; init; }

    /// <summary>The server's own explanations of its answer.</summary>
    public IReadOnlyList<ExtendedError> ExtendedErrors { get; init; } = [];

    /// <summary>How long a resolver may cache that the record does not exist (RFC 2308, 5); <see langword="null"/> when
    /// the message does not say.</summary>
    public TimeSpan? NegativeTtl => Authority.OfType<SoaRecord>().FirstOrDefault()?.NegativeTtl;

    /// <summary>The response code's name.</summary>
    public string RcodeName => Rcode switch
    {
        DnsRcode.NoError or DnsRcode.FormErr or DnsRcode.ServFail or DnsRcode.NxDomain or DnsRcode.NotImp
            or DnsRcode.Refused or DnsRcode.NotAuth or DnsRcode.BadVers => Rcode.ToString().ToUpperInvariant(),
        _ => "RCODE" + ((int)Rcode).ToString(CultureInfo.InvariantCulture),
    };
}

/// <summary>A server's explanation of its answer (RFC 8914).</summary>
/// <param name="Code">The number.</param>
/// <param name="Text">The server's text, without control characters, at most 200 bytes; often empty.</param>
public sealed record ExtendedError(int Code, string Text)
{
    /// <summary>The number, its meaning and the server's text.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Code} {Meaning}{(Text.Length > 0 ? ": " + Text : "")}");

    // The registry's names, RFC 8914 section 4.
    private string Meaning => Code switch
    {
        0 => "other error",
        1 => "unsupported DNSKEY algorithm",
        2 => "unsupported DS digest",
        3 => "stale answer",
        4 => "forged answer",
        5 => "DNSSEC indeterminate",
        6 => "DNSSEC bogus",
        7 => "signature expired",
        8 => "signature not yet valid",
        9 => "DNSKEY missing",
        10 => "signatures missing",
        11 => "no zone key bit set",
        12 => "NSEC missing",
        13 => "cached error",
        14 => "not ready",
        15 => "blocked",
        16 => "censored",
        17 => "filtered",
        18 => "prohibited",
        19 => "stale NXDOMAIN answer",
        20 => "not authoritative",
        21 => "not supported",
        22 => "no reachable authority",
        23 => "network error",
        24 => "invalid data",
        _ => "unknown",
    };
}

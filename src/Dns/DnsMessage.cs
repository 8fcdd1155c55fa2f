using System.Globalization;

namespace Tracking.Dns;

/// <summary>Codes of answers (IANA, DNS parameters); others have their number.</summary>
public enum DnsRcode : ushort
{
    /// <summary>It was answered.</summary>
    NoError = 0,

    /// <summary>The server did not understand the question's form.</summary>
    FormErr = 1,

    /// <summary>The server failed.</summary>
    ServFail = 2,

    /// <summary>There is no such name.</summary>
    NxDomain = 3,

    /// <summary>The server does not know this kind of question.</summary>
    NotImp = 4,

    /// <summary>The server refuses.</summary>
    Refused = 5,

    /// <summary>The server is not responsible.</summary>
    NotAuth = 9,

    /// <summary>The server does not know this version of EDNS.</summary>
    BadVers = 16,
}

/// <summary>What a server sent, after its bounds were checked.</summary>
public sealed record DnsMessage
{
    /// <summary>The code, with the part that EDNS adds.</summary>
    public required DnsRcode Rcode { get; init; }

    /// <summary>AA: the server speaks for the zone.</summary>
    public required bool IsAuthoritative { get; init; }

    /// <summary>TC: there is more than fitted.</summary>
    public bool IsTruncated { get; init; }

    /// <summary>AD: a resolver has checked the signatures.</summary>
    public bool IsAuthentic { get; init; }

    /// <summary>The answer's records of the types that we know.</summary>
    public required IReadOnlyList<DnsRecord> Answers { get; init; }

    /// <summary>How many records of other types the answer has, signatures not counted. None of our questions asks for
    /// one.</summary>
    public int OtherAnswers { get; init; }

    /// <summary>The authority section's.</summary>
    public required IReadOnlyList<DnsRecord> Authority { get; init; }

    /// <summary>The additional section's.</summary>
    public required IReadOnlyList<DnsRecord> Additional { get; init; }

    /// <summary>The server's own explanations.</summary>
    public IReadOnlyList<ExtendedError> ExtendedErrors { get; init; } = [];

    /// <summary>How long the absence of what was asked may be remembered; <see langword="null"/> when the message does
    /// not say (RFC 2308, 5).</summary>
    public TimeSpan? NegativeTtl => Authority.OfType<SoaRecord>().FirstOrDefault()?.NegativeTtl;

    /// <summary>The code's name.</summary>
    public string RcodeName => Rcode switch
    {
        DnsRcode.NoError or DnsRcode.FormErr or DnsRcode.ServFail or DnsRcode.NxDomain or DnsRcode.NotImp
            or DnsRcode.Refused or DnsRcode.NotAuth or DnsRcode.BadVers => Rcode.ToString().ToUpperInvariant(),
        _ => "RCODE" + ((int)Rcode).ToString(CultureInfo.InvariantCulture),
    };
}

/// <summary>A server's explanation of its answer (RFC 8914).</summary>
/// <param name="Code">The number.</param>
/// <param name="Text">The server's own words, without control characters, at most 200 characters; often empty.</param>
public sealed record ExtendedError(int Code, string Text)
{
    /// <summary>Number, meaning and the server's words.</summary>
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

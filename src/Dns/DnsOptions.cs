using System.ComponentModel.DataAnnotations;

namespace Tracking.Dns;

/// <summary>Which DNS servers are asked, and the limits of questions: <c>Tracking__Dns__…</c>.</summary>
public sealed class DnsOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Dns";

    /// <summary>Our own resolvers, <c>host[:port]</c> each, asked in this order. They must validate DNSSEC signatures,
    /// as the certificate authorities' resolvers do. Default none: the resolvers of the machine are used.</summary>
    public IList<string> Resolvers { get; } = [];

    /// <summary>The port on which the name servers of zones are asked, 1 to 65535, default 53. Other ports are for test
    /// environments.</summary>
    [Range(1, 65535)]
    public int NameServerPort { get; set; } = 53;

    /// <summary>Allows questions to name servers at private, loopback and our own addresses. Off by default: a tenant
    /// chooses the name servers of a zone and could make us send questions into our own network. For test environments
    /// and for zones that are served inside the own network.</summary>
    public bool AllowPrivateAddresses { get; set; }

    /// <summary>The longest that one question to one server may take, over UDP and TCP together; 200 ms to 30 s,
    /// default 5 s, as <c>dig</c> and the C library wait.</summary>
    [Range(typeof(TimeSpan), "00:00:00.200", "00:00:30")]
    public TimeSpan QueryTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The time without an answer after which the question is sent again, once; 50 ms to 10 s, default 1.5 s.
    /// The default is several round trips around the world, and leaves time for a second answer within
    /// <see cref="QueryTimeout"/>.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:00:10")]
    public TimeSpan SendAgainAfter { get; set; } = TimeSpan.FromSeconds(1.5);

    /// <summary>The longest that the check of one name may take; 1 s to 5 min, default 30 s: six times
    /// <see cref="QueryTimeout"/>, and about as long as a person waits for a page.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan CheckTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The most questions that the check of one name may send; 10 to 200, default 60: three to four times what
    /// an alias across two zones with four servers each takes. The limit keeps a malicious zone from using us to flood
    /// others (NXNSAttack, 2020).</summary>
    [Range(10, 200)]
    public int QueriesPerCheck { get; set; } = 60;

    /// <summary>The most name servers of one zone that are asked, all at the same time; 1 to 13, default 8. Most zones
    /// have two to six; the root has 13.</summary>
    [Range(1, 13)]
    public int ServersPerZone { get; set; } = 8;

    /// <summary>The most aliases that are followed from a name to its target; 1 to 16, default 8. Resolvers follow 8 to
    /// 11 (BIND and Unbound restart a question 11 times).</summary>
    [Range(1, 16)]
    public int LongestChain { get; set; } = 8;

    /// <summary>After this many datagrams that do not answer the question, the question is asked over TCP; 1 to 10,000,
    /// default 16. One or two late answers are normal; more come from an attacker who guesses ids (RFC 5452,
    /// 9.3).</summary>
    [Range(1, 10_000)]
    public int MismatchesBeforeTcp { get; set; } = 16;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var resolver in Resolvers.Where(resolver => !ResolverAddress.TryParse(resolver, out _)))
        {
            yield return new ValidationResult(
                $"got \"{resolver}\", takes host or host:port; an IPv6 address with a port is written [address]:port",
                [nameof(Resolvers)]);
        }
    }
}

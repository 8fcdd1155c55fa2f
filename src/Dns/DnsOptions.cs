using System.ComponentModel.DataAnnotations;

namespace Tracking.Dns;

/// <summary>Whom we ask DNS, and how long: <c>Tracking__Dns__…</c>.</summary>
public sealed class DnsOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Dns";

    /// <summary>Our own resolvers, <c>host[:port]</c> each, asked in this order. They must check DNSSEC signatures, as
    /// the certificate authorities' do. Default none: those of the machine.</summary>
    public IList<string> Resolvers { get; } = [];

    /// <summary>The port on which the name servers of zones are asked, 1 to 65535, default 53. Another one is for
    /// laboratories.</summary>
    [Range(1, 65535)]
    public int NameServerPort { get; set; } = 53;

    /// <summary>Ask name servers at private, loopback and our own addresses too. Off by default, because a tenant
    /// chooses the name servers of his zone, and could have us send questions into our own network. For laboratories,
    /// and for zones that are served inside of it.</summary>
    public bool AllowPrivateAddresses { get; set; }

    /// <summary>The longest that one question to one server may take, over UDP and TCP together; 200 ms to 30 s,
    /// default 5 s: what <c>dig</c> and the C library wait.</summary>
    [Range(typeof(TimeSpan), "00:00:00.200", "00:00:30")]
    public TimeSpan QueryTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>After how long without an answer the question is sent again, once; 50 ms to 10 s, default 1.5 s:
    /// several times the way around the world, and time for a second answer within <see
    /// cref="QueryTimeout"/>.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:00:10")]
    public TimeSpan SendAgainAfter { get; set; } = TimeSpan.FromSeconds(1.5);

    /// <summary>The longest that the check of one name may take; 1 s to 5 min, default 30 s: six times
    /// <see cref="QueryTimeout"/>, and about what a person waits who pressed the button.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan CheckTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Questions that the check of one name may send in all; 10 to 200, default 60: three to four times what
    /// an alias over two zones with four servers each takes. The limit keeps a zone of somebody's making from using us
    /// against others (NXNSAttack, 2020).</summary>
    [Range(10, 200)]
    public int QueriesPerCheck { get; set; } = 60;

    /// <summary>Name servers of one zone that are asked, all at the same time; 1 to 13, default 8: most zones have two
    /// to six, 13 is what the root has.</summary>
    [Range(1, 13)]
    public int ServersPerZone { get; set; } = 8;

    /// <summary>Aliases that are followed from a name to its target; 1 to 16, default 8: resolvers follow 8 to 11 (BIND
    /// and Unbound restart a question 11 times).</summary>
    [Range(1, 16)]
    public int LongestChain { get; set; } = 8;

    /// <summary>Datagrams that do not answer the question, after which it is asked over TCP; 1 to 10,000, default 16: a
    /// late answer or two happen, more is somebody who guesses (RFC 5452, 9.3).</summary>
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

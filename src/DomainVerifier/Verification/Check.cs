using System.Globalization;
using Tracking.Dns;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>A check in progress: its name and target, the questions so far, and the number of questions left.</summary>
internal sealed class Check(HostName host, HostName? target, int queries, DateTimeOffset at)
{
    private const int UsualPort = 53;

    // Foreign answers are cut to these lengths, so that the stored row stays small.
    private const int MostAnswers = 8;
    private const int MostCharacters = 300;

    private readonly List<DnsHop> _hops = [];

    public HostName HostName => host;

    /// <summary>The verification target; <see langword="null"/> for a name that nobody has added.</summary>
    public HostName? TargetName => target;

    public DnsName Host { get; } = DnsName.From(host);

    // Without a target the root stands for it, because no alias leads to the root.
    public DnsName Target { get; } = target is { } wanted ? DnsName.From(wanted) : DnsName.Root;

    public DateTimeOffset At => at;

    public QueryBudget Budget { get; } = new(queries);

    /// <summary>The chain of aliases according to the authoritative servers.</summary>
    public Walk ByServers { get; } = new();

    /// <summary>The chain of aliases according to our resolver.</summary>
    public Walk ByResolver { get; } = new();

    /// <summary>Whether the resolver answers only without a check of signatures.</summary>
    public bool IsBogus { get; set; }

    /// <summary>Whether the time ran out before the end.</summary>
    public bool IsCutShort { get; set; }

    /// <summary>All questions so far.</summary>
    public IReadOnlyList<DnsHop> Hops
    {
        get
        {
            lock (_hops)
            {
                return [.. _hops];
            }
        }
    }

    /// <summary>The zone of the name, once it is known.</summary>
    public ZoneServers? Zone => ByServers.Steps is [{ Zone: { } zone }, ..] ? zone : null;

    /// <summary>Adds a reply to the hops of the diagnosis.</summary>
    public void Heard(HopPurpose purpose, DnsName? server, DnsReply reply)
    {
        var negativeTtl = reply.IsUsable && reply.Message!.Answers.Count == 0 ? reply.Message.NegativeTtl : null;
        var ttl = reply.Message?.Answers.Count > 0 ? reply.Message.Answers[0].Ttl : negativeTtl;
        var hop = new DnsHop
        {
            Purpose = purpose,
            Name = reply.Question.Name.ToString(),
            Type = reply.Question.Type.ToString().ToUpperInvariant(),
            Server = server?.ToString(),
            Address = reply.Server is { } address
                ? address.Port == UsualPort ? address.Address.ToString() : address.ToString()
                : null,
            Transport = reply.IsOverTcp ? "tcp" : "udp",
            Rcode = reply.Message?.RcodeName,
            Failure = reply.Message is null ? Word(reply.Failure) : null,
            ExtendedError = reply.Message?.ExtendedErrors is { Count: > 0 } errors ? string.Join("; ", errors) : null,
            Ttl = ttl is { } time ? (int)Math.Min(time.TotalSeconds, int.MaxValue) : null,
            Answers = reply.Message is { } message ? Shown(reply.Question, message) : [],
            At = reply.At,
        };
        lock (_hops)
        {
            _hops.Add(hop);
        }
    }

    /// <summary>The beginning of a foreign text that may be long.</summary>
    public static string Short(string text) => text.Length <= MostCharacters ? text : text[..MostCharacters] + "…";

    // An answer shows its records. A referral shows the records of its authority section.
    private static IReadOnlyList<string> Shown(DnsQuestion question, DnsMessage message)
    {
        var records = message.Answers.Count > 0
            ? message.Answers
            : [.. message.Authority.Where(record => record.Type == DnsType.Ns)];
        return
        [
            .. records.Take(MostAnswers).Select(record =>
                Short(record.Owner == question.Name ? record.ToString() : $"{record.Owner} {record}")),
            .. records.Count > MostAnswers
                ? [string.Create(CultureInfo.InvariantCulture, $"and {records.Count - MostAnswers} more")]
                : Array.Empty<string>(),
        ];
    }

    private static string Word(DnsFailure failure) => failure switch
    {
        DnsFailure.TimedOut => "timed-out",
        DnsFailure.Unreachable => "unreachable",
        DnsFailure.NoRoute => "no-route",
        DnsFailure.Malformed => "malformed",
        DnsFailure.TcpRefused => "tcp-refused",
        DnsFailure.TooManyQueries => "too-many-queries",
        _ => "none",
    };
}

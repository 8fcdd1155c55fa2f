using System.Globalization;
using Tracking.Dns;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>One check under way: what it is about, what was asked, and how much may still be asked.</summary>
internal sealed class Check(HostName host, HostName? target, int queries, DateTimeOffset at)
{
    private const int UsualPort = 53;

    // What is kept of a stranger's answers: as much as a reader needs, and no row of any size.
    private const int MostAnswers = 8;
    private const int MostCharacters = 300;

    private readonly List<DnsHop> _hops = [];

    public HostName HostName => host;

    /// <summary>Where the name must lead; <see langword="null"/> when DNS is only looked at.</summary>
    public HostName? TargetName => target;

    public DnsName Host { get; } = DnsName.From(host);

    // Without a target no name is the end of the way: nothing leads to the root.
    public DnsName Target { get; } = target is { } wanted ? DnsName.From(wanted) : DnsName.Root;

    public DateTimeOffset At => at;

    public QueryBudget Budget { get; } = new(queries);

    /// <summary>The way as the zones' own servers tell it.</summary>
    public Walk ByServers { get; } = new();

    /// <summary>The way as our resolver tells it.</summary>
    public Walk ByResolver { get; } = new();

    /// <summary>Whether the resolver answers once it is told not to check signatures.</summary>
    public bool IsBogus { get; set; }

    /// <summary>Whether the time was up before the end.</summary>
    public bool IsCutShort { get; set; }

    /// <summary>Everything that was asked so far.</summary>
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

    /// <summary>Keeps a reply for who reads the diagnosis.</summary>
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

    /// <summary>The beginning of a text that a stranger may have made long.</summary>
    public static string Short(string text) => text.Length <= MostCharacters ? text : text[..MostCharacters] + "…";

    // A zone's answer is its records; a referral is the records of its authority section.
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

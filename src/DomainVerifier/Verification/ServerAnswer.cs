using System.Net;
using Tracking.Dns;
using Tracking.Domains;

namespace Tracking.DomainVerifier.Verification;

/// <summary>The kinds of answers about a name.</summary>
internal enum AnswerKind : byte
{
    /// <summary>No usable answer. <see cref="ServerAnswer.Problem"/> has the reason.</summary>
    None,

    /// <summary>The name is an alias.</summary>
    Alias,

    /// <summary>The name has several aliases, or an alias and other records.</summary>
    Several,

    /// <summary>The name has addresses and is no alias.</summary>
    Address,

    /// <summary>The name does not exist, or has no record of the asked type.</summary>
    Absent,
}

/// <summary>One server's answer about one name.</summary>
internal sealed record ServerAnswer
{
    private const int MostShown = 8;

    /// <summary>The server's name; <see langword="null"/> for the resolver.</summary>
    public required DnsName? Server { get; init; }

    /// <summary>The server's reply; <see langword="null"/> if the server has no allowed address.</summary>
    public DnsReply? Reply { get; init; }

    /// <summary>The kind of answer.</summary>
    public AnswerKind Kind { get; init; }

    /// <summary>The alias's target.</summary>
    public DnsName? Alias { get; init; }

    /// <summary>The addresses.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    /// <summary>How long resolvers may remember the answer.</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>Why the answer is not usable.</summary>
    public FindingCode? Problem { get; init; }

    /// <summary>The part of an answer on which servers agree or disagree. Addresses may differ between
    /// servers.</summary>
    public (AnswerKind, DnsName?) Vote => (Kind, Alias);

    /// <summary>Name and address of the server.</summary>
    public string ShownServer => (Server, Reply?.Server) switch
    {
        ({ } name, { } address) => $"{name} ({address.Address})",
        ({ } name, null) => name.ToString(),
        (null, { } address) => $"resolver {address.Address}",
        _ => "resolver",
    };

    /// <summary>The answer as text for people.</summary>
    public string Seen => Kind switch
    {
        AnswerKind.Alias => $"CNAME {Alias}",
        AnswerKind.Several => string.Join(", ", Reply!.Message!.Answers.Take(MostShown)),
        AnswerKind.Address => string.Join(", ", Addresses.Take(MostShown)),
        AnswerKind.Absent => "no record",
        _ => "no answer",
    };

    /// <summary>Reads a reply as an answer about <paramref name="name"/>.</summary>
    /// <param name="server">The server's name; <see langword="null"/> for the resolver.</param>
    /// <param name="reply">The reply.</param>
    /// <param name="name">The name in question.</param>
    public static ServerAnswer Read(DnsName? server, DnsReply reply, DnsName name)
    {
        var answer = new ServerAnswer { Server = server, Reply = reply };
        if (ProblemOf(reply, isResolver: server is null) is { } problem)
        {
            return answer with { Problem = problem };
        }

        var message = reply.Message!;
        var own = message.Answers.Where(record => record.Owner == name).ToList();
        var aliases = own.OfType<NameRecord>().Where(record => record.Type == DnsType.Cname).ToList();
        var addresses = own.OfType<AddressRecord>().ToList();
        if (aliases.Select(alias => alias.Target).Distinct().Count() > 1 || (aliases.Count > 0 && addresses.Count > 0))
        {
            return answer with { Kind = AnswerKind.Several, Ttl = own[0].Ttl };
        }

        if (aliases.Count > 0)
        {
            return answer with { Kind = AnswerKind.Alias, Alias = aliases[0].Target, Ttl = aliases[0].Ttl };
        }

        // Servers older than RFC 6672 send a DNAME without the CNAME, which is derived here.
        if (message.Answers.OfType<NameRecord>().FirstOrDefault(record =>
                record.Type == DnsType.Dname && name.IsBelow(record.Owner)) is { } whole
            && DnsName.TryParse(name.Without(whole.Owner), out var beginning)
            && beginning.Before(whole.Target) is { } made)
        {
            return answer with { Kind = AnswerKind.Alias, Alias = made, Ttl = whole.Ttl };
        }

        if (addresses.Count > 0)
        {
            return answer with
            {
                Kind = AnswerKind.Address,
                Addresses = [.. addresses.Select(record => record.Address)],
                Ttl = addresses[0].Ttl,
            };
        }

        // Absence is an empty answer (RFC 2308, 2). An answer with something else than what was asked for, such as the
        // HINFO of RFC 8482, does not say that there is no record.
        return message.OtherAnswers > 0
            ? answer with { Problem = FindingCode.BadAnswers }
            : answer with { Kind = AnswerKind.Absent, Ttl = message.NegativeTtl };
    }

    private static FindingCode? ProblemOf(DnsReply reply, bool isResolver) => reply.Failure switch
    {
        DnsFailure.TimedOut => FindingCode.TimeOut,
        DnsFailure.Unreachable or DnsFailure.NoRoute => FindingCode.ServerUnreachable,
        DnsFailure.Malformed or DnsFailure.TcpRefused => FindingCode.BadAnswers,
        DnsFailure.TooManyQueries => FindingCode.TooManyQueries,
        _ => reply.Message!.Rcode switch
        {
            DnsRcode.NoError or DnsRcode.NxDomain when isResolver || reply.Message.IsAuthoritative => null,
            DnsRcode.NoError or DnsRcode.NxDomain or DnsRcode.NotAuth => FindingCode.LameServer,
            DnsRcode.ServFail => FindingCode.Servfail,
            DnsRcode.Refused => FindingCode.ServerRefuses,
            _ => FindingCode.BadAnswers,
        },
    };
}

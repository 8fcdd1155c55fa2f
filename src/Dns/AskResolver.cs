using System.Net;
using System.Net.Sockets;
using DnsClient;
using Microsoft.Extensions.Options;
using Tracking.Dns.Wire;
using Library = DnsClient;

namespace Tracking.Dns;

/// <summary>
/// Asks our own resolvers, one after the other until one answers. They belong to the operator and validate DNSSEC
/// signatures. The library's cache and retries are off. The texts of its exceptions can contain bytes of other
/// messages, so they are neither logged nor shown.
/// </summary>
public sealed class AskResolver(IOptions<DnsOptions> options, AskNameServer directly, TimeProvider time)
{
    // How long the list of resolvers and the addresses of their names are cached.
    private static readonly TimeSpan _addressesFor = TimeSpan.FromMinutes(1);

    private readonly DnsOptions _options = options.Value;
    // The library requires a default server. It is never asked, because each question names its server.
    private readonly LookupClient _client = new(new LookupClientOptions(IPAddress.Loopback)
    {
        AutoResolveNameServers = false,
        UseCache = false,
        CacheFailedResults = false,
        Retries = 0,
        ThrowDnsErrors = false,
        ContinueOnDnsError = false,
        ContinueOnEmptyResponse = false,
        UseRandomNameServer = false,
        UseTcpFallback = true,
        RequestDnsSecRecords = true,
        ExtendedDnsBufferSize = WriteQuery.UdpSize,
        Timeout = options.Value.QueryTimeout,
    });

    private Known? _known;

    /// <summary>Asks a question. The resolver follows aliases.</summary>
    /// <param name="question">The question.</param>
    /// <param name="budget">Counts every question sent.</param>
    /// <param name="cancellationToken">Cancellation throws.</param>
    public async Task<DnsReply> AskAsync(
        DnsQuestion question, QueryBudget budget, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(budget);
        DnsReply? last = null;
        foreach (var server in await ServersAsync(cancellationToken))
        {
            var reply = budget.TryTake()
                ? await AskAsync(server, question, cancellationToken)
                : Failed(question, server, DnsFailure.TooManyQueries);
            if (reply.IsUsable || reply.Failure == DnsFailure.TooManyQueries)
            {
                return reply;
            }

            // The first reply with a response code is kept: a SERVFAIL says more than a later timeout.
            last = last?.Message is null ? reply : last;
        }

        return last ?? Failed(question, null, DnsFailure.NoRoute);
    }

    /// <summary>Asks the same server again without validation of signatures. An answer now, after SERVFAIL before,
    /// means that the signatures are broken.</summary>
    /// <param name="failed">The first reply.</param>
    /// <param name="budget">Counts every question sent.</param>
    /// <param name="cancellationToken">Cancellation throws.</param>
    public async Task<DnsReply> AskUncheckedAsync(
        DnsReply failed, QueryBudget budget, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(failed);
        return failed.Server is null
            ? failed
            : await directly.AskAsync(
                failed.Server, failed.Question, QueryFlags.Recursion | QueryFlags.CheckingDisabled, budget,
                cancellationToken);
    }

    /// <summary>All addresses of a name, IPv4 first. Empty when the name has none or when no resolver
    /// answers.</summary>
    /// <param name="name">The name.</param>
    /// <param name="budget">Counts every question sent.</param>
    /// <param name="cancellationToken">Cancellation throws.</param>
    public async Task<AddressesOfName> AddressesAsync(
        DnsName name, QueryBudget budget, CancellationToken cancellationToken)
    {
        var replies = await Task.WhenAll(
            AskAsync(new DnsQuestion(name, DnsType.A), budget, cancellationToken),
            AskAsync(new DnsQuestion(name, DnsType.Aaaa), budget, cancellationToken));
        return new AddressesOfName(
            [
                .. replies.SelectMany(reply => reply.Message?.Answers ?? [])
                    .OfType<AddressRecord>().Select(record => record.Address).Distinct(),
            ],
            Array.TrueForAll(replies, reply => reply.IsUsable));
    }

    private async Task<DnsReply> AskAsync(
        IPEndPoint server, DnsQuestion question, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(_options.QueryTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            // This constructor also takes names that are no host names.
            var asked = new Library.DnsQuestion(question.Name.ToString(), (QueryType)question.Type);
            var response = await _client
                .QueryServerAsync([new NameServer(server)], asked, either.Token)
                .WaitAsync(either.Token);
            return new DnsReply
            {
                Question = question,
                Server = server,
                Message = ReadResponse.Read(response),
                At = time.GetUtcNow(),
            };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Failed(question, server, DnsFailure.TimedOut);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // A malformed answer makes the library throw undeclared exceptions. Each of them counts as "no answer".
            return Failed(question, server, Failure(exception));
        }
    }

    private static DnsFailure Failure(Exception exception) => exception switch
    {
        DnsResponseException { Code: DnsResponseCode.ConnectionTimeout } => DnsFailure.TimedOut,
        SocketException { SocketErrorCode: SocketError.NetworkUnreachable or SocketError.HostUnreachable }
            => DnsFailure.NoRoute,
        SocketException => DnsFailure.Unreachable,
        DnsResponseException or AggregateException when exception.InnerException is { } inner => Failure(inner),
        _ => DnsFailure.Malformed,
    };

    private DnsReply Failed(DnsQuestion question, IPEndPoint? server, DnsFailure failure) =>
        new() { Question = question, Server = server, Failure = failure, At = time.GetUtcNow() };

    private async Task<IReadOnlyList<IPEndPoint>> ServersAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var known = _known;
        if (known is null || now - known.Read > _addressesFor)
        {
            _known = known = new Known(now, await FindServersAsync(cancellationToken));
        }

        return known.Servers;
    }

    private async Task<IReadOnlyList<IPEndPoint>> FindServersAsync(CancellationToken cancellationToken)
    {
        if (_options.Resolvers.Count == 0)
        {
            return
            [
                .. NameServer.ResolveNameServers(skipIPv6SiteLocal: true, fallbackToGooglePublicDns: false)
                    .Select(server => new IPEndPoint(IPAddress.Parse(server.Address), server.Port)),
            ];
        }

        var servers = new List<IPEndPoint>();
        foreach (var text in _options.Resolvers)
        {
            if (!ResolverAddress.TryParse(text, out var resolver))
            {
                continue;
            }

            try
            {
                servers.AddRange((await System.Net.Dns.GetHostAddressesAsync(resolver.Host, cancellationToken))
                    .Select(address => new IPEndPoint(address, resolver.Port)));
            }
            catch (SocketException)
            {
                // This resolver's name has no address now. The other resolvers are asked; the name is tried again in a
                // minute.
            }
        }

        return servers;
    }

    private sealed record Known(DateTimeOffset Read, IReadOnlyList<IPEndPoint> Servers);
}

/// <summary>The addresses of a name.</summary>
/// <param name="Addresses">IPv4 first.</param>
/// <param name="IsCertain">Whether both questions, for IPv4 and for IPv6, were answered. Otherwise there may be more
/// addresses.</param>
public sealed record AddressesOfName(IReadOnlyList<IPAddress> Addresses, bool IsCertain)
{
    /// <summary>The target of the name's alias, if the resolver does not know the alias yet and the name servers of the
    /// zone do; <see langword="null"/> otherwise.</summary>
    public DnsName? FreshAlias { get; init; }
}

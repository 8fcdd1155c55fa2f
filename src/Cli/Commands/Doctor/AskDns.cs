using System.Net;
using System.Net.Sockets;
using DnsClient;
using DnsClient.Protocol;

namespace Tracking.Cli.Commands.Doctor;

/// <summary>An answer of DNS.</summary>
/// <param name="Records">The records of the asked type, at the name or at the end of its alias.</param>
/// <param name="Failure">Why there is no answer; <see langword="null"/> with an answer.</param>
internal sealed record DnsSays(IReadOnlyList<DnsResourceRecord> Records, string? Failure)
{
    /// <summary>The records of one type.</summary>
    public IReadOnlyList<T> Of<T>()
        where T : DnsResourceRecord => [.. Records.OfType<T>()];
}

/// <summary>
/// Asks the configured resolvers, or the machine's, each twice, until one answers. Texts of the library's exceptions
/// may contain parts of other messages, so they are never shown.
/// </summary>
internal sealed class AskDns(DoctorSettings settings)
{
    private const int Rounds = 2;

    // The largest datagram that is not fragmented on its way (DNS flag day 2020).
    private const int UdpSize = 1232;

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
        ExtendedDnsBufferSize = UdpSize,
        Timeout = settings.QueryTimeout,
    });

    private IReadOnlyList<NameServer>? _servers;

    /// <summary>Asks.</summary>
    public async Task<DnsSays> AskAsync(string name, QueryType type, CancellationToken cancellationToken)
    {
        _servers ??= await ServersAsync(cancellationToken);
        var failure = "no resolver answers";
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var server in _servers)
            {
                var answer = await AskAsync(server, name, type, cancellationToken);
                if (answer is not null && answer.Header.ResponseCode
                    is DnsHeaderResponseCode.NoError or DnsHeaderResponseCode.NotExistentDomain)
                {
                    return new DnsSays(
                        [.. answer.Answers.Where(record => (int)record.RecordType == (int)type)], null);
                }

                if (answer is not null)
                {
                    failure = answer.Header.ResponseCode == DnsHeaderResponseCode.ServerFailure
                        ? "SERVFAIL: the zone's name servers fail, or its DNSSEC signatures are broken"
                        : $"the resolver answers {answer.Header.ResponseCode}";
                }
            }
        }

        return new DnsSays([], failure);
    }

    /// <summary>All addresses of a name.</summary>
    public async Task<(IReadOnlyList<IPAddress> Addresses, string? Failure)> AddressesAsync(
        string name, CancellationToken cancellationToken)
    {
        var four = await AskAsync(name, QueryType.A, cancellationToken);
        var six = await AskAsync(name, QueryType.AAAA, cancellationToken);
        return (
            [
                .. four.Of<ARecord>().Select(record => record.Address),
                .. six.Of<AaaaRecord>().Select(record => record.Address),
            ],
            four.Failure ?? six.Failure);
    }

    private async Task<IDnsQueryResponse?> AskAsync(
        NameServer server, string name, QueryType type, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(settings.QueryTimeout);
        try
        {
            return await _client.QueryServerAsync([server], new DnsQuestion(name, type), limit.Token)
                .WaitAsync(limit.Token);
        }
#pragma warning disable CA1031 // The library throws undeclared exceptions for bad answers. Each counts as no answer.
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            return null;
        }
    }

    private async Task<IReadOnlyList<NameServer>> ServersAsync(CancellationToken cancellationToken)
    {
        if (settings.Resolvers.Count == 0)
        {
            return [.. NameServer.ResolveNameServers(skipIPv6SiteLocal: true, fallbackToGooglePublicDns: false)];
        }

        var servers = new List<NameServer>();
        foreach (var (host, port) in settings.Resolvers)
        {
            try
            {
                servers.AddRange((await Dns.GetHostAddressesAsync(host, cancellationToken))
                    .Select(address => new NameServer(address, port)));
            }
            catch (SocketException)
            {
                // The resolver's name has no address. The other resolvers are asked.
            }
        }

        return servers;
    }
}

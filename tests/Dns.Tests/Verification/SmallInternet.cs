using System.Net;
using Microsoft.Extensions.Options;
using Tracking.Dns.Wire;
using Tracking.Domains;
using Tracking.DomainVerifier.Verification;
using Tracking.Links;
using static Tracking.Dns.Tests.Asking;

namespace Tracking.Dns.Tests.Verification;

/// <summary>Zones with name servers on loopback addresses, and a resolver that knows all of them.</summary>
internal sealed class SmallInternet : IAsyncDisposable
{
    public static readonly HostName Target = Host("v-7k2.t.operator.example");

    private readonly Dictionary<DnsName, TestZone> _zones = [];
    private readonly Dictionary<string, TestServer> _servers = [];
    private readonly LyingServer _resolver;
    private readonly int _port;

    public SmallInternet()
    {
        _resolver = new LyingServer(
            query => [Cut(query, (ResolverSays?.Invoke(Read(query)) ?? Resolve)(query))],
            LyingServer.OverTcp(query => (ResolverSays?.Invoke(Read(query)) ?? Resolve)(query)));
        var first = new LyingServer(_ => []);
        _port = first.EndPoint.Port;
        _servers["127.0.0.1"] = new TestServer { Server = first };
        Options = new DnsOptions
        {
            AllowPrivateAddresses = true,
            NameServerPort = _port,
            QueryTimeout = TimeSpan.FromSeconds(2),
            SendAgainAfter = TimeSpan.FromMilliseconds(200),
        };
        Options.Resolvers.Add(_resolver.EndPoint.ToString());
        Zone("example", "127.0.0.2");
        Zone("operator.example", "127.0.0.3").Add("*.t.operator.example", "A 203.0.113.7");
    }

    public DnsOptions Options { get; }

    /// <summary>Has the resolver say something else about some questions.</summary>
    public Func<(DnsQuestion Question, int Flags), Func<byte[], byte[]>?>? ResolverSays { get; set; }

    /// <summary>Has the resolver say over UDP only that there is more.</summary>
    public bool IsTruncating { get; set; }

    /// <summary>The addresses that count as this machine's own.</summary>
    public HashSet<IPAddress> OwnAddresses { get; } = [];

    /// <summary>Whether the loopback addresses of the test's servers count as public ones.</summary>
    public bool IsLoopbackPublic { get; set; }

    public int ResolverQueries => _resolver.Queries.Count;

    public int Queries => _servers.Values.Sum(server => server.Server.Queries.Count);

    public static HostName Host(string name) =>
        HostName.TryParse(name, out var host) ? host : throw new ArgumentException("No host name.", nameof(name));

    /// <summary>A zone on servers at these addresses, named ns1, ns2 and so on in it.</summary>
    public TestZone Zone(string name, params string[] addresses)
    {
        var zone = new TestZone(Name(name));
        var number = 0;
        foreach (var address in addresses)
        {
            var server = $"ns{++number}.{name}";
            zone.Add(name, $"NS {server}").Add(server, $"{(address.Contains(':') ? "AAAA" : "A")} {address}");
            if (IPAddress.IsLoopback(IPAddress.Parse(address)))
            {
                Server(address).Zones.Add(zone);
            }
        }

        _zones[zone.Name] = zone;
        return zone;
    }

    /// <summary>The server at an address.</summary>
    public TestServer Server(string address)
    {
        if (!_servers.TryGetValue(address, out var server))
        {
            server = new TestServer();
            server.Server = new LyingServer(
                query => server.Says?.Invoke(query) ?? [server.Answer(query)],
                (query, stream, cancellationToken) => server.RefusesTcp
                    ? Task.CompletedTask
                    : LyingServer.OverTcp(server.SaysOverTcp ?? server.Answer)(query, stream, cancellationToken),
                new IPEndPoint(IPAddress.Parse(address), _port));
            _servers[address] = server;
        }

        return server;
    }

    public VerificationWalk Walk()
    {
        var resolver = Resolver();
        var find = new FindNameServers(Wrapped, resolver, Guard());
        return new VerificationWalk(
            Wrapped, new AskNameServer(Wrapped, TimeProvider.System), resolver, find, TimeProvider.System);
    }

    public AddressGuard Guard() => new(
        Wrapped, TimeProvider.System, () => OwnAddresses,
        address => AddressGuard.IsPublic(address) || (IsLoopbackPublic && IPAddress.IsLoopback(address)));

    public AskResolver Resolver() =>
        new(Wrapped, new AskNameServer(Wrapped, TimeProvider.System), TimeProvider.System);

    public Task<DomainDiagnosis> CheckAsync(string host = "track.shop.example") =>
        Walk().RunAsync(Host(host), Target, TestContext.Current.CancellationToken);

    public Task<DomainDiagnosis> LookAsync(string host = "track.shop.example") =>
        Walk().LookAsync(Host(host), TestContext.Current.CancellationToken);

    public IOptions<DnsOptions> Wrapped => Microsoft.Extensions.Options.Options.Create(Options);

    public static (DnsQuestion Question, int Flags) Read(byte[] query)
    {
        var end = WriteQuery.HeaderLength;
        while (query[end] != 0)
        {
            end += 1 + query[end];
        }

        Assert.True(DnsName.TryDecode(query.AsSpan()[WriteQuery.HeaderLength..(end + 1)], out var name));
        return (
            new DnsQuestion(name, (DnsType)((query[end + 1] << 8) | query[end + 2])), (query[2] << 8) | query[3]);
    }

    public static byte[] Fail(byte[] query, DnsRcode rcode) => Message.To(query, (int)rcode, 0x8180).Bytes;

    public async ValueTask DisposeAsync()
    {
        await _resolver.DisposeAsync();
        foreach (var server in _servers.Values)
        {
            await server.Server.DisposeAsync();
        }
    }

    /// <summary>The resolver's own answer: it knows every zone, and follows aliases.</summary>
    public byte[] Resolve(byte[] query)
    {
        var message = Message.To(query, flags: 0x8180);
        var (question, _) = Read(query);
        for (var (name, aliases) = (question.Name, 0); aliases < 12; aliases++)
        {
            var zone = Closest(name);
            if (zone is null)
            {
                return Message.To(query, (int)DnsRcode.NxDomain, 0x8180).Bytes;
            }

            var found = zone.Find(name);
            if (found?.Find(record => record.Type == "CNAME") is { Type: not null } alias
                && question.Type != DnsType.Cname)
            {
                message.Alias(name.Text, alias.Value);
                name = Name(alias.Value);
                continue;
            }

            return zone.Write(message, name, question.Type, isRecursive: true);
        }

        return Fail(query, DnsRcode.ServFail);
    }

    private byte[] Cut(byte[] query, byte[] answer) =>
        IsTruncating && answer.Length > WriteQuery.UdpSize ? Message.To(query, flags: 0x8380).Bytes : answer;

    private TestZone? Closest(DnsName name)
    {
        for (; !name.IsRoot; name = name.Parent)
        {
            if (_zones.TryGetValue(name, out var zone))
            {
                return zone;
            }
        }

        return null;
    }
}

/// <summary>A server of zones.</summary>
internal sealed class TestServer
{
    public LyingServer Server { get; set; } = null!;

    public List<TestZone> Zones { get; } = [];

    /// <summary>Instead of what its zones say; none is silence.</summary>
    public Func<byte[], IEnumerable<byte[]>?>? Says { get; set; }

    /// <summary>Over TCP, instead of what its zones say.</summary>
    public Func<byte[], byte[]>? SaysOverTcp { get; set; }

    /// <summary>Closes connections without a word.</summary>
    public bool RefusesTcp { get; set; }

    public byte[] Answer(byte[] query)
    {
        var (question, _) = SmallInternet.Read(query);
        var zone = Zones.Where(zone => question.Name.IsAtOrBelow(zone.Name))
            .OrderByDescending(zone => zone.Name.Text.Length).FirstOrDefault();
        return zone is null
            ? SmallInternet.Fail(query, DnsRcode.Refused)
            : zone.Write(Message.To(query), question.Name, question.Type, isRecursive: false);
    }
}

/// <summary>A zone: names and their records, "CNAME name" or "A address".</summary>
internal sealed class TestZone(DnsName name)
{
    private readonly Dictionary<DnsName, List<(string Type, string Value)>> _records = [];

    public DnsName Name => name;

    public int SoaTtl { get; set; } = 3600;

    public int SoaMinimum { get; set; } = 60;

    /// <summary>Zones below that others serve, with the names of their servers.</summary>
    public List<(string Zone, string Server, string? Glue)> Delegations { get; } = [];

    public TestZone Add(string owner, string record)
    {
        var key = Asking.Name(owner);
        if (!_records.TryGetValue(key, out var list))
        {
            _records[key] = list = [];
        }

        var words = record.Split(' ', 2);
        list.Add((words[0], words[1]));
        return this;
    }

    public void Clear(string owner) => _records.Remove(Asking.Name(owner));

    public TestZone Copy()
    {
        var copy = new TestZone(name);
        foreach (var (owner, records) in _records)
        {
            copy._records[owner] = [.. records];
        }

        return copy;
    }

    public List<(string Type, string Value)>? Find(DnsName wanted)
    {
        if (_records.TryGetValue(wanted, out var records))
        {
            return records;
        }

        if (_records.Keys.Any(other => other.IsBelow(wanted)))
        {
            return [];
        }

        for (var encloser = wanted.Parent; encloser.IsAtOrBelow(name); encloser = encloser.Parent)
        {
            if (_records.TryGetValue(Asking.Name("*." + encloser.Text), out var wild))
            {
                return wild;
            }

            if (_records.Keys.Any(other => other.IsAtOrBelow(encloser)))
            {
                return null;
            }
        }

        return null;
    }

    public byte[] Write(Message message, DnsName wanted, DnsType type, bool isRecursive)
    {
        var cuts = Delegations.Where(cut => wanted.IsAtOrBelow(Asking.Name(cut.Zone))).ToList();
        if (!isRecursive && cuts.Count > 0)
        {
            foreach (var cut in cuts)
            {
                message.Ns(cut.Zone, cut.Server);
            }

            foreach (var cut in cuts.Where(cut => cut.Glue is not null))
            {
                message.Glue(cut.Server, cut.Glue!);
            }

            var bytes = message.Bytes;
            bytes[2] &= 0xFB;
            return bytes;
        }

        var found = Find(wanted);
        var count = 0;
        foreach (var (kind, value) in found ?? [])
        {
            if (kind != "CNAME" && !kind.Equals(type.ToString(), StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            count++;
            if (kind is "A" or "AAAA")
            {
                message.Address(wanted.Text, value);
            }
            else if (kind == "CAA")
            {
                var words = value.Split(' ', 3);
                var text = System.Text.Encoding.ASCII.GetBytes(words[1] + words[2]);
                message.Answer(
                    wanted.Text, DnsType.Caa, 300, [byte.Parse(words[0]), (byte)words[1].Length, .. text]);
            }
            else
            {
                message.Alias(wanted.Text, value, type: kind == "NS" ? DnsType.Ns : DnsType.Cname);
            }
        }

        if (count == 0)
        {
            message.Soa(name.Text, SoaTtl, SoaMinimum);
        }

        var written = message.Bytes;
        written[3] |= (byte)(found is null ? (int)DnsRcode.NxDomain : 0);
        return written;
    }
}

using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Database.Privacy;
using Tracking.Links;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Events;
using Tracking.RedirectEdge.Hosts;
using Tracking.RedirectEdge.Imported;
using Tracking.Servers;
using Tracking.ServiceDefaults;

namespace Tracking.RedirectEdge.Tests;

/// <summary>
/// The edge in a host, on Kestrel, with the in-memory bus, started while the database is unavailable: hosts, keys and
/// links come from the copies in its folder. Two clusters are active, and a third is deleted.
/// </summary>
internal sealed class EdgeUnderTest : IAsyncDisposable
{
    public const string Host = "track.localhost";
    public const string Destination = "https://shop.example/a%20b?x=1&y=%C3%A4#/spa#2";
    public const string UserAgent = "test-agent/1.0";

    public static readonly ClusterId Cluster = new(101);
    public static readonly ClusterId OtherCluster = new(102);
    public static readonly ClusterId DeletedCluster = new(103);

    /// <summary>What the clusters in the copy keep.</summary>
    public static readonly ClusterPolicy Keeps = new(AddressPolicy.Full, IsAnonymous: false, 0);

    /// <summary>Tracking domains in the copy.</summary>
    public static readonly TrackingHost[] Domains =
    [
        new("track.shop.example", Cluster, DomainStatus.Active),
        new("retired.shop.example", Cluster, DomainStatus.Active) { IsRetired = true },
        new("pending.shop.example", Cluster, DomainStatus.Pending),
        new("track.other.example", OtherCluster, DomainStatus.Active),
        new("track.deleted.example", DeletedCluster, DomainStatus.Active),
        new("moved.shop.example", Cluster, DomainStatus.Active) { HasImportedLinks = true },
    ];

    public static readonly LinkId Link = new(0xfeed_0000_0000_0001);

    /// <summary>What paths on the last of them lead to, in the copy.</summary>
    public static readonly (string Path, ImportedLink Link)[] Imported =
    [
        ("/server/link", new(LinkKind.Click, new(0x0123_4567_89ab_cdef, 0x43), Link, TrackingLevel.Full, false)),
        ("/server/quiet", new(LinkKind.Click, new(0x0123_4567_89ab_cdef, 0x44), Link, TrackingLevel.Anonymous, false)),
        ("/img/server/message", new(LinkKind.Open, new(0x0123_4567_89ab_cdef, 0x43), default, TrackingLevel.Full, false)),
    ];

    /// <summary>A cluster made after the copies were written.</summary>
    public static readonly ClusterId NewCluster = new(104);

    public static readonly MessageKey Message = new(0x0123_4567_89ab_cdef, 0x42);

    private static readonly byte[] _keyMaterial = RandomNumberGenerator.GetBytes(SigningKey.Size);
    private static readonly byte[] _master = RandomNumberGenerator.GetBytes(MasterKey.Size);

    private readonly WebApplication _app;
    private readonly TemporaryFolder? _ownFolder;

    private EdgeUnderTest(WebApplication app, TemporaryFolder? ownFolder)
    {
        _app = app;
        _ownFolder = ownFolder;
        var ports = app.Urls.Select(url => new Uri(url).Port).ToList();
        (Port, OtherPort) = (ports[0], ports[^1]);
    }

    public static SigningKey Key { get; } = new(1, _keyMaterial);

    /// <summary>The edge's port.</summary>
    public int Port { get; }

    /// <summary>A port of the same host that does not belong to the edge.</summary>
    public int OtherPort { get; }

    public IServiceProvider Services => _app.Services;

    public static async Task<EdgeUnderTest> StartAsync(
        Action<RedirectEdgeOptions>? configure = null,
        TemporaryFolder? folder = null,
        Action<WebApplicationBuilder>? configureHost = null,
        bool withCopies = true,
        string? adoptFolder = null)
    {
        var ownFolder = folder is null ? new TemporaryFolder() : null;
        var path = (folder ?? ownFolder)!.Path;
        if (withCopies)
        {
            WriteCopies(path);
        }

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            // No server listens on port 1: the database is unavailable.
            ["ConnectionStrings:tracking"] = "Host=127.0.0.1;Port=1;Timeout=2",
            ["Tracking:Edge:AdoptFolder"] = adoptFolder,
        });
        builder.Services.Configure<SystemOptions>(options =>
            (options.MasterKey, options.SystemHost) = (Convert.ToBase64String(_master), Host));
        var ports = FreePort.Take(2);
        var (edgePort, otherPort) = (ports[0], ports[1]);
        builder.AddServiceDefaults();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, edgePort);
            kestrel.Listen(IPAddress.Loopback, otherPort);
        });
        builder.AddRedirectEdge();
        builder.Services.Configure<RedirectEdgeOptions>(options =>
        {
            // Most tests have no ingest, so their stops must not wait for acknowledgements.
            options.DrainTimeout = TimeSpan.Zero;
            // Tests of damaged tokens send many at once.
            options.InvalidTokensPerSecondAndNetwork = 1_000_000;
            options.Folder = path;
            configure?.Invoke(options);
        });
        configureHost?.Invoke(builder);
        var app = builder.Build().MapRedirectEdge([edgePort]);
        app.MapGet("/{**path}", () => Results.Text("the other side"));
        await app.StartAsync();
        return new EdgeUnderTest(app, ownFolder);
    }

    public static string Token(
        LinkKind kind = LinkKind.Click, ClusterId? cluster = null, LinkId? link = null, int ordinal = 5)
    {
        var target = kind == LinkKind.Open ? default : link ?? Link;
        return new LinkToken(cluster ?? Cluster, Message, target, ordinal, kind).ToString(Key);
    }

    /// <summary>Sends exactly these bytes and reads one answer.</summary>
    public async Task<RawAnswer> SendAsync(string request, int? port = null)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port ?? Port);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes);
        return RawAnswer.Parse(Encoding.Latin1.GetString(bytes.ToArray()));
    }

    public Task<RawAnswer> GetAsync(string target, string host = Host, string headers = "", string method = "GET") =>
        SendAsync($"{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {UserAgent}\r\n{headers}"
            + "Connection: close\r\n\r\n");

    public EventSpool Spool => Services.GetRequiredService<EventSpool>();

    /// <summary>The spool's events, read from its files.</summary>
    public List<Recorded> Recorded()
    {
        var found = new List<Recorded>();
        var folder = Services.GetRequiredService<EdgeFolder>().SpoolPath;
        foreach (var file in Directory.EnumerateFiles(folder).Order())
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var memory = new MemoryStream();
            stream.CopyTo(memory);
            var bytes = memory.ToArray().AsSpan();
            while (EventRecord.ReadFrame(bytes, out var record, out var size) == FrameOutcome.Whole)
            {
                found.Add(new Recorded(
                    record.Id,
                    (LinkKind)record.Kind,
                    new ClusterId(record.Cluster),
                    MessageKey.Read(record.Message),
                    new LinkId(record.Link),
                    record.Ordinal,
                    record.ClientAddress.IsEmpty ? null : new IPAddress(record.ClientAddress),
                    Encoding.UTF8.GetString(record.UserAgent),
                    Convert.ToHexStringLower(record.Trace),
                    record.TimeMicros));
                bytes = bytes[size..];
            }
        }

        return found;
    }

    /// <summary>An orderly stop.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _ownFolder?.Dispose();
    }

    private static void WriteCopies(string path)
    {
        using var folder = EdgeFolder.Open(path);
        using var master = new MasterKey(_master);
        var row = new SealedSigningKey(
            1, master.Seal(_keyMaterial, "links.signing_keys/1"), DateTimeOffset.UnixEpoch);
        folder.WriteChecked("directory.copy", DirectoryCopy.Encode([(Cluster, Keeps), (OtherCluster, Keeps)], [row]));
        using var hosts = new RecordLog(folder, "hosts.copy", 1 << 20, 1, 1 << 10);
        hosts.Rewrite(Domains, host => TrackingHostBytes.Encode(host.Hostname, host).Length,
            host => TrackingHostBytes.Encode(host.Hostname, host));
        using var imported = new RecordLog(folder, "imported.copy", 1 << 20, 1, 1 << 12);
        imported.Rewrite(
            [.. Imported.Select(at => KeyValuePair.Create(
                new ImportedPath(Cluster, "moved.shop.example", at.Path), at.Link))],
            entry => ImportedBytes.Encode(entry).Length,
            ImportedBytes.Encode);
        using var copy = new LinkCopy(folder, 1 << 20);
        copy.Rewrite([new CachedLink(new LinkKey(Cluster, Link), Destination)]);
    }
}

/// <summary>An event of the spool.</summary>
internal sealed record Recorded(
    Guid Id,
    LinkKind Kind,
    ClusterId Cluster,
    MessageKey Message,
    LinkId Link,
    int Ordinal,
    IPAddress? Client,
    string UserAgent,
    string Trace,
    long TimeMicros);

/// <summary>An answer as received.</summary>
internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, string Body)
{
    /// <summary>Everything except the date: two indistinguishable answers must be equal in it.</summary>
    public string Fingerprint => string.Join(
        '\n',
        [$"{Status}", .. Headers.Where(header => header.Key != "Date").Select(h => $"{h.Key}: {h.Value}"), "", Body]);

    public static RawAnswer Parse(string text)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.True(end > 0, $"No whole answer: '{text}'");
        var lines = text[..end].Split("\r\n");
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2))
            .ToDictionary(parts => parts[0], parts => parts[1]);
        return new RawAnswer(int.Parse(lines[0].Split(' ')[1]), headers, text[(end + 4)..]);
    }
}

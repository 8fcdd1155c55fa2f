using System.Collections;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Npgsql;
using Tracking.Contracts;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary>Searches all stored data for a reader whose mail must leave no trace.</summary>
public sealed class NoTraceOfAReader
{
    private readonly string _name = $"reader{RandomNumberGenerator.GetHexString(12, lowercase: true)}";
    private readonly string _agent = $"Agent-{RandomNumberGenerator.GetHexString(12)}";
    private readonly IPAddress _address = new(
        [0x20, 0x01, 0x0d, 0xb8, .. RandomNumberGenerator.GetBytes(12)]);

    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    private string Recipient => $"{_name}@example.com";

    [Fact]
    public async Task Neither_spool_nor_bus_database_redis_or_logs_hold_a_reader_who_is_anonymous_or_withdrew()
    {
        using var folder = new TemporaryFolder();
        await using var system = await Deployment.StartAsync(
            new DeploymentShape
            {
                EdgeSettings = new Dictionary<string, string> { ["Tracking__Edge__Folder"] = folder.In("edge") },
            },
            Ends);
        using var api = new ApiClient(system.Api, system.AdminKey, system.Rewrite);
        var cluster = await api.CreateClusterAsync("quiet");

        // Level anonymous. Ingest is stopped, so that the event stays in the spool and on the bus and can be examined.
        var anonymous = await LinkAsync(api, cluster, "anonymous");
        system.Ingests[0].Kill();
        await ClickAsync(system, anonymous);
        var spool = Path.Combine(folder.In("edge"), "spool");
        await Eventually.HoldsAsync(
            () => Directory.EnumerateFiles(spool).Any(file => new FileInfo(file).Length > 0), "it is in the spool", Ends);
        foreach (var file in Directory.EnumerateFiles(folder.In("edge"), "*", SearchOption.AllDirectories))
        {
            AssertNoTrace(await ReadSharedAsync(file), file);
        }

        await Eventually.HoldsAsync(
            async () => await system.Bus.CountReadyAsync(QueueNames.StoreEvents, Ends) > 0, "it is on the bus", Ends);
        AssertNoTrace((await system.Bus.TakeAsync(QueueNames.StoreEvents, Ends)).Body, "bus");
        await system.Ingests[0].StartAsync(Ends);
        await api.WaitForEventsAsync(cluster, events => events.Count == 1);

        // A withdrawal: data of the reader is found before it, and never after it.
        var full = await LinkAsync(api, cluster, "full");
        await ClickAsync(system, full);
        await api.WaitForEventsAsync(cluster, events => events.Count == 2);
        Assert.NotEmpty(await FindInDatabaseAsync(system));
        var (status, _) = await api.SendAsync(
            HttpMethod.Post, $"/api/v1/clusters/{cluster}/withdrawals", new { recipient = Recipient.ToUpperInvariant() });
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Empty(await FindInDatabaseAsync(system));
        await ClickAsync(system, full);
        var later = await LinkAsync(api, cluster, "full");
        await ClickAsync(system, later);
        await api.WaitForEventsAsync(cluster, events => events.Count == 4);

        Assert.Empty(await FindInDatabaseAsync(system));
        foreach (var one in ((IEnumerable)(await system.Redis.CommandAsync(Ends, "KEYS", "*"))!).Cast<object?>())
        {
            var key = $"{one}";
            var kind = $"{await system.Redis.CommandAsync(Ends, "TYPE", key)}";
            var value = kind == "string" ? $"{await system.Redis.CommandAsync(Ends, "GET", key)}" : "";
            AssertNoTrace(Encoding.UTF8.GetBytes(key + value), key);
        }

        foreach (var service in system.Services)
        {
            AssertNoTrace(Encoding.UTF8.GetBytes(service.Output), service.Name);
        }
    }

    private async Task<string> LinkAsync(ApiClient api, string cluster, string level)
    {
        var mail = Encoding.ASCII.GetBytes(
            $"From: shop@example.org\r\nTo: {Recipient}\r\nSubject: {level}\r\n\r\nSee https://www.example.com/{level} now.\r\n");
        var (message, _) = await api.RewriteAsync(
            cluster, mail, ("tracking-clicks", "yes"), ("tracking-level", level), ("tracking-recipient", Recipient),
            ("tracking-sender", $"bounce+{_name}=example.com@example.org"),
            ("tracking-message-id", $"{Guid.NewGuid():N}"));
        return ReadMail.Urls(message).Single();
    }

    private async Task ClickAsync(Deployment system, string url)
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        var link = new Uri(url);
        await Eventually.HoldsAsync(
            async () =>
            {
                using var request = new HttpRequestMessage(
                    HttpMethod.Get, new Uri(system.Edges[0].Address, link.PathAndQuery));
                request.Headers.Host = link.Authority;
                request.Headers.TryAddWithoutValidation("User-Agent", _agent);
                request.Headers.TryAddWithoutValidation("X-Forwarded-For", _address.ToString());
                using var answer = await http.SendAsync(request, Ends);
                return answer.StatusCode == HttpStatusCode.Found;
            },
            "the link is served",
            Ends);
    }

    // Searches every column of every table as text, with bytes as hexadecimal.
    private async Task<List<string>> FindInDatabaseAsync(Deployment system)
    {
        await using var database = NpgsqlDataSource.Create(system.Postgres.ConnectionString);
        var tables = new List<string>();
        await using (var list = database.CreateCommand(
            """
            SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
            WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
            """))
        await using (var reader = await list.ExecuteReaderAsync(Ends))
        {
            while (await reader.ReadAsync(Ends))
            {
                tables.Add(reader.GetString(0));
            }
        }

        var found = new List<string>();
        foreach (var table in tables)
        {
            await using var search = database.CreateCommand(
                $"SELECT t::text FROM {table} t WHERE t::text ILIKE ANY ($1)");
            search.Parameters.Add(new() { Value = Texts().Select(text => $"%{text}%").ToArray() });
            await using var reader = await search.ExecuteReaderAsync(Ends);
            while (await reader.ReadAsync(Ends))
            {
                found.Add($"{table}: {reader.GetString(0)}");
            }
        }

        return found;
    }

    private IEnumerable<string> Texts()
    {
        yield return _name;
        yield return _agent;
        yield return Network;
        yield return Convert.ToHexStringLower(Encoding.ASCII.GetBytes(_name));
        yield return Convert.ToHexStringLower(Encoding.ASCII.GetBytes(_agent));
        yield return Convert.ToHexStringLower(_address.GetAddressBytes().AsSpan(0, 6));
    }

    // The /48 of the address, which a cluster's policy may allow to store.
    private string Network
    {
        get
        {
            var bytes = _address.GetAddressBytes();
            bytes.AsSpan(6).Clear();
            return new IPAddress(bytes).ToString()[..^1];
        }
    }

    private void AssertNoTrace(byte[] bytes, string where)
    {
        var isFound = Texts().Any(text => bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(text)) >= 0)
            || bytes.AsSpan().IndexOf(_address.GetAddressBytes().AsSpan(0, 6)) >= 0;
        Assert.False(isFound, $"{where}: {Encoding.Latin1.GetString(bytes)}");
    }

    private static async Task<byte[]> ReadSharedAsync(string file)
    {
        try
        {
            await using var stream = new FileStream(
                file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var memory = new MemoryStream();
            await stream.CopyToAsync(memory, Ends);
            return memory.ToArray();
        }
        catch (IOException)
        {
            // The file is the folder's lock, or a segment that was just renamed.
            return [];
        }
    }
}

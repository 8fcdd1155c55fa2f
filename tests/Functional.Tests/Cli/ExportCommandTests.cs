using System.Text.Json.Nodes;
using Tracking.Functional.Tests.Management;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Cli;

/// <summary>Exports of events. Their memory is measured for the whole process, so no other test runs at the same
/// time.</summary>
[Collection(nameof(ExportCommandTests))]
[CollectionDefinition(nameof(ExportCommandTests), DisableParallelization = true)]
public sealed class ExportCommandTests(ManagementHost host) : IClassFixture<ManagementHost>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_hundred_thousand_events_are_written_once_each_in_order_and_memory_does_not_grow_with_them()
    {
        const int Count = 100_000;
        using var folder = new TemporaryFolder();
        var (cluster, _) = await host.CreateClusterAsync();
        await host.ExecuteAsync(
            """
            INSERT INTO ingest.events (id, occurred_at, kind, method, cluster_id, message_key, link_id, ordinal,
                user_agent, verdict, reasons)
            SELECT (substr(ingest.uuidv7_floor(t)::text, 1, 14) || '7' || substr(md5(n::text), 1, 3) || '-8'
                    || substr(md5(n::text), 4, 3) || '-' || substr(md5(n::text), 8, 12))::uuid,
                t, 0, 0, $1, '\x010203040506070809', 1, 0, repeat('x', 200), 1, '{}'
            FROM generate_series(1, $2) n, LATERAL (SELECT now() - n * interval '1 ms' AS t) at
            """,
            new TrackedMail(host, cluster).Cluster.Value, Count);

        // This is the server's memory, because the host runs in this process.
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var ndjson = Path.Combine(folder.Path, "events.ndjson");
        var (code, _, error) = await RunAsync("events", "export", "--cluster", cluster, "--output", ndjson);
        Assert.True(code == 0, error);
        Assert.True(new FileInfo(ndjson).Length > 40_000_000);
        var grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.InRange(grown, long.MinValue, 20_000_000);

        var ids = File.ReadLines(ndjson).Select(line => Guid.Parse((string)JsonNode.Parse(line)!["id"]!)).ToList();
        Assert.Equal(Count, ids.Count);
        Assert.Equal(ids.Distinct().Order(), ids);

        var csv = Path.Combine(folder.Path, "events.csv");
        Assert.Equal(
            0, (await RunAsync("events", "export", "--format", "csv", "--cluster", cluster, "-o", csv)).Code);
        Assert.Equal(ids.Select(id => $"{id}").Prepend("id"), File.ReadLines(csv).Select(line => line.Split(',')[0]));

        // An existing file is not overwritten.
        Assert.Equal(2, (await RunAsync("events", "export", "--cluster", cluster, "--output", ndjson)).Code);
    }

    [Fact]
    public async Task An_export_goes_on_behind_an_event()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var mail = new TrackedMail(host, cluster);
        var noon = new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
        var ids = new List<Guid>();
        for (var i = 0; i < 4; i++)
        {
            ids.Add(await mail.EventAsync(LinkKind.Click, noon.AddSeconds(i), default));
        }

        using var request = new HttpRequestMessage(
            HttpMethod.Get, $"/api/v1/clusters/{cluster}/events?order=asc&after={ids[1]}");
        request.Headers.Accept.ParseAdd("application/x-ndjson");
        using var answer = await host.Admin.SendAsync(request, Cancelled);
        var text = await answer.Content.ReadAsStringAsync(Cancelled);
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(ids[2..], lines.Select(line => Guid.Parse((string)JsonNode.Parse(line)!["id"]!)));
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) =>
        Trackctl.RunAsync(host.Url, host.AdminKey, arguments);
}

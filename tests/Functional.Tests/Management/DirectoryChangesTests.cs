using System.Net;
using System.Net.Sockets;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Management;

[Collection(nameof(ManagementCollection))]
public sealed class DirectoryChangesTests(ManagementHost host)
{
    // Well before the caches' own refresh, which takes a minute here.
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(50);

    [Fact]
    public async Task A_cluster_is_known_in_memory_before_its_creation_is_answered()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        Assert.True(Knows(cluster));
        using var deleted = await Expect.DeleteAsync(host.Admin, $"/api/v1/clusters/{cluster}");
        Assert.False(Knows(cluster));
    }

    [Fact]
    public async Task A_changed_setting_is_in_force_when_its_change_is_answered_also_among_many_refreshes()
    {
        var (cluster, _) = await host.CreateClusterAsync();
        var directory = host.Services.GetRequiredService<ClusterDirectory>();
        using var done = new CancellationTokenSource();
        var others = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                await directory.RefreshAsync(CancellationToken.None);
            }
        })).ToArray();

        for (var change = 0; change < 30; change++)
        {
            var on = change % 2 == 0;
            using var answer = await Expect.PatchAsync(
                host.Admin,
                $"/api/v1/clusters/{cluster}",
                on ? """{"settings":{"trackClicks":true}}""" : """{"settings":{"trackClicks":false}}""");
            Assert.True(answer.IsSuccessStatusCode);
            Assert.True(ClusterId.TryParse(cluster, out var id) && directory.TryGet(id, out var known)
                && known.Settings.TrackClicks == on);
        }

        await done.CancelAsync();
        await Task.WhenAll(others);
    }

    [Fact]
    public async Task A_database_that_goes_away_after_a_change_does_not_fail_or_hold_it()
    {
        // A broker that accepts connections and never answers.
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var dataSource = NpgsqlDataSource.Create(
            $"Host=127.0.0.1;Port={((IPEndPoint)silent.LocalEndpoint).Port};Username=x;Timeout=60");
        var change = new ApplyChange(
            new ClusterDirectory(dataSource, NullLogger<ClusterDirectory>.Instance),
            host.Services.GetRequiredService<DirectoryChanges>(),
            Options.Create(new ManagementOptions()),
            TimeProvider.System,
            NullLogger<ApplyChange>.Instance);

        await change.ApplyAsync(ClusterId.NewRandom()).WaitAsync(_deadline, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_change_announced_by_another_process_is_read_at_once()
    {
        ClusterId id;
        do
        {
            id = ClusterId.NewRandom();
            await host.ExecuteAsync(
                "INSERT INTO management.clusters (id, name, settings) VALUES ($1, $2, '{}')", id.Value, $"Other {id}");
        }
        while (Knows(id.ToString())); // The read may belong to an earlier test's change.

        await host.Services.GetRequiredService<IBus>().Publish(
            new DirectoryChanged { Id = Guid.CreateVersion7(), Cluster = id.Value },
            TestContext.Current.CancellationToken);

        await Eventually.HoldsAsync(
            () => Knows(id.ToString()),
            "the announcement is heard",
            TestContext.Current.CancellationToken,
            _deadline);
    }

    private bool Knows(string cluster) => ClusterId.TryParse(cluster, out var id)
        && host.Services.GetRequiredService<ClusterDirectory>().TryGet(id, out _);
}

using Tracking.Database.Entities;
using Tracking.Functional.Tests.Rewrite;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Queue;

/// <summary>The rewriter in its program's composition, with its own virtual host and database.</summary>
internal sealed class QueueHost : IAsyncDisposable
{
    private QueueHost(RewriteHost rewrite, TestVirtualHost broker, DatabaseRelay database) =>
        (Rewrite, Broker, Database) = (rewrite, broker, database);

    public RewriteHost Rewrite { get; }

    public TestVirtualHost Broker { get; }

    /// <summary>The relay between the rewriter and its database.</summary>
    public DatabaseRelay Database { get; }

    public ClusterId Cluster { get; private set; }

    public static async Task<QueueHost> StartAsync(
        TestPostgres postgres, TestRabbit rabbit, params (string Key, string Value)[] settings)
    {
        var broker = await rabbit.CreateVirtualHostAsync(TestContext.Current.CancellationToken);
        var database = await postgres.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        var relay = new DatabaseRelay(database);
        var rewrite = await RewriteHost.StartAsync(
            database,
            [
                ("ConnectionStrings:tracking", relay.ConnectionString),
                ("ConnectionStrings:rabbitmq", broker.AmqpUri.OriginalString),
                ("Tracking:Messaging:ReconnectPause", "00:00:00.100"),
                .. settings,
            ]);
        var host = new QueueHost(rewrite, broker, relay);
        await Eventually.HoldsAsync(
            // The exchange is bound last, when all queues exist.
            () => broker.IsBoundAsync("rewrite", "rewrite", TestContext.Current.CancellationToken),
            "the exchange leads to the queue",
            TestContext.Current.CancellationToken);
        host.Cluster = await rewrite.CreateClusterAsync(new ClusterSettings { TrackClicks = true, TrackOpens = true });
        await rewrite.ExecuteAsync(
            "INSERT INTO management.sending_domains (domain, cluster_id) VALUES ('shop.example', $1)",
            host.Cluster.Value);
        await rewrite.CreateClusterAsync();
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        await Rewrite.StopAsync();
        await Rewrite.DisposeAsync();
        await Database.DisposeAsync();
    }
}

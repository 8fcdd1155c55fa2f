using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Tracking.Bus;
using Tracking.Functional.Tests.Bus;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.RedirectEdge;

/// <summary>Blocked and repaired destinations and withdrawals at the edge, for links that are already sent.</summary>
public sealed class RulesTests(TestPostgres postgres, TestRabbit rabbit) : IAsyncLifetime
{
    private const int Cluster = 4711;
    private const string Host = "track.shop.example";

    // Well before PostgreSQL is asked, which takes a minute here. With the bus up it takes milliseconds.
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(45);

    private readonly TemporaryFolder _folder = new();
    private readonly LinkId _link = new(0xffee_ddcc_bbaa_9988);
    private readonly LinkId _right = new(0xffee_ddcc_bbaa_9989);
    private string _connection = "";
    private NpgsqlDataSource _database = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _connection = await postgres.CreateDatabaseAsync(Cancelled);
        await FirstKey.MakeAsync(_connection);
        _database = NpgsqlDataSource.Create(_connection);
        await ExecuteAsync("INSERT INTO management.clusters (id, name) VALUES ($1, 'one')", Cluster);
        await ExecuteAsync(
            "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES ($1, $2, '', "
                + "'https://example.com/wrong'), ($1, $3, '', 'https://example.com/right')",
            Cluster, _link.ToInt64(), _right.ToInt64());
        await SomeDomains.AddAsync(_database, Cluster, Host);
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Announced_blocks_and_repairs_take_effect_at_another_edge_and_can_be_undone()
    {
        var broker = await rabbit.CreateVirtualHostAsync(Cancelled);
        await using var announcer = await BusHost.StartAsync(
            broker, configure: builder => builder.AddDirectoryChanges());
        await announcer.IsReadyAsync();
        await using var edge = await EdgeHost.StartAsync(
            _folder,
            _connection,
            ("ConnectionStrings:rabbitmq", broker.AmqpUri.OriginalString),
            ("Tracking:DirectoryRefresh", "00:01:00"));
        var changes = announcer.Services.GetRequiredService<DirectoryChanges>();
        Assert.Equal("https://example.com/wrong", await LeadsToAsync(edge));

        await ExecuteAsync("INSERT INTO links.blocked_destinations (pattern, reason) VALUES ('example.com', '')");
        await ComesToAsync(() => changes.AnnounceRules(null), async () => await StatusAsync(edge) == 410, "is blocked");
        await ExecuteAsync("DELETE FROM links.blocked_destinations");
        await ComesToAsync(() => changes.AnnounceRules(null), async () => await StatusAsync(edge) == 302, "is free");

        await ExecuteAsync(
            "INSERT INTO links.repairs (cluster_id, id, link_id, new_link_id, message_key) VALUES ($1, $2, $3, $4, $5)",
            Cluster, Guid.CreateVersion7(), _link.ToInt64(), _right.ToInt64(), new MessageKey(1, 2).ToBytes());
        await ComesToAsync(
            () => changes.AnnounceRules(new ClusterId(Cluster)),
            async () => await LeadsToAsync(edge) == "https://example.com/right",
            "is repaired");
        await ExecuteAsync("UPDATE links.repairs SET undone_at = now()");
        await ComesToAsync(
            () => changes.AnnounceRules(new ClusterId(Cluster)),
            async () => await LeadsToAsync(edge) == "https://example.com/wrong",
            "is undone");
    }

    [Fact]
    public async Task A_repair_within_a_tag_means_its_messages_and_acts_without_the_bus_too()
    {
        await ExecuteAsync(
            """
            INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, tags, host,
                link_count, opens_tracked, link_map)
            VALUES ($1, $2, '', '', 'one', '{spring,news}', '', 1, false, ''),
                ($1, $3, '', '', 'other', '{autumn}', '', 1, false, '')
            """,
            Cluster, new MessageKey(1, 2).ToBytes(), new MessageKey(3, 4).ToBytes());
        await using var edge = await EdgeHost.StartAsync(
            _folder, _connection, ("Tracking:DirectoryRefresh", "00:00:01"));
        Assert.Equal("https://example.com/wrong", await LeadsToAsync(edge));
        await ExecuteAsync(
            "INSERT INTO links.repairs (cluster_id, id, link_id, new_link_id, tag) VALUES ($1, $2, $3, $4, 'news')",
            Cluster, Guid.CreateVersion7(), _link.ToInt64(), _right.ToInt64());
        await ComesToAsync(
            () => { }, async () => await LeadsToAsync(edge) == "https://example.com/right", "is repaired");
        Assert.Equal("https://example.com/wrong", await LeadsToAsync(edge, new MessageKey(3, 4)));
        Assert.Equal("https://example.com/wrong", await LeadsToAsync(edge, new MessageKey(5, 6)));
    }

    [Fact]
    public async Task An_app_file_is_served_as_it_is_stored_and_nothing_else_is()
    {
        await SomeDomains.AddAsync(_database, Cluster, "pending.shop.example", isActive: false);
        await ExecuteAsync(
            "INSERT INTO domains.app_files (domain_id, kind, content) SELECT id, 0, $1 FROM domains.tracking_domains",
            "{\"applinks\":{}}"u8.ToArray());
        await using var edge = await EdgeHost.StartAsync(_folder, _connection);
        foreach (var path in (string[])
        [
            "/.well-known/apple-app-site-association", "/apple-app-site-association",
            "/.well-known/apple-app-site-association/",
        ])
        {
            using var answer = await edge.SendAsync(Host, path);
            Assert.Equal(200, (int)answer.StatusCode);
            Assert.Equal("application/json", answer.Content.Headers.ContentType?.ToString());
            Assert.Equal("{\"applinks\":{}}", await answer.Content.ReadAsStringAsync(Cancelled));
        }

        Assert.Equal(404, await edge.GetAsync(Host, "/.well-known/assetlinks.json"));
        Assert.Equal(404, await edge.GetAsync("pending.shop.example", "/apple-app-site-association"));
        Assert.Equal(404, await edge.GetAsync("nobody.shop.example", "/apple-app-site-association"));
    }

    private async Task<int> StatusAsync(EdgeHost edge) =>
        await edge.GetAsync(Host, $"/c/{edge.Token(new ClusterId(Cluster), _link)}");

    private async Task<string?> LeadsToAsync(EdgeHost edge, MessageKey? message = null)
    {
        var token = edge.Token(new ClusterId(Cluster), _link, message);
        using var answer = await edge.SendAsync(Host, $"/c/{token}");
        return answer.Headers.Location?.OriginalString;
    }

    // The change is announced repeatedly, because the edge's queue may not exist yet.
    private static Task ComesToAsync(Action announce, Func<Task<bool>> condition, string what) =>
        Eventually.HoldsAsync(
            async () =>
            {
                announce();
                return await condition();
            },
            what,
            Cancelled,
            _deadline);

    private Task ExecuteAsync(string sql, params object[] values) =>
        SomeDomains.ExecuteAsync(_database, sql, values);
}

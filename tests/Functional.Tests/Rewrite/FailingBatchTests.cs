using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite;
using Tracking.Rewrite.Registration;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>
/// After every fault of a batch: a message whose answer was "registered" is in the database with all its links.
/// </summary>
public sealed class FailingBatchTests(RewritePostgres postgres) : IAsyncLifetime
{
    private static readonly ClusterId _cluster = new(4711);

    // The registered messages with their URLs and links.
    private readonly ConcurrentDictionary<string, (string[] Urls, LinkId[] Links)> _left = [];
    private readonly ApplicationLifetime _lifetime = new(NullLogger<ApplicationLifetime>.Instance);
    private readonly List<IAsyncDisposable> _opened = [];
    private readonly List<RegisterMessages> _rewriters = [];
    private string _connection = "";
    private NpgsqlDataSource _beside = null!;

    private string OfRewriter => ServiceLogins.Of(_connection, "rewrite");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _connection = await postgres.CreateDatabaseAsync();
        _beside = Open(_connection);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var rewriter in _rewriters)
        {
            await rewriter.StopAsync(Cancelled);
            rewriter.Dispose();
        }

        foreach (var opened in _opened)
        {
            await opened.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("23514")]
    [InlineData("22023")]
    [InlineData("54000")]
    [InlineData("P0001")]
    public async Task A_message_of_a_batch_that_is_refused_takes_no_link_of_its_neighbours_with_it(string sqlState)
    {
        await RefuseAsync("rewrite.messages", "NEW.message_id LIKE 'bad%'", sqlState);
        await RegisterInOneBatchAsync("bad1", "good1", "good2", "bad2", "good3");
        Assert.Equal(["good1", "good2", "good3"], _left.Keys.Order());
        await EveryLinkIsStoredAsync();
    }

    [Fact]
    public async Task A_link_of_a_batch_that_is_refused_takes_no_link_of_its_neighbours_with_it()
    {
        await RefuseAsync("links.destinations", "NEW.url LIKE '%/bad%'", "23514");
        await RegisterInOneBatchAsync("good1", "bad1", "good2");
        Assert.Equal(["good1", "good2"], _left.Keys.Order());
        await EveryLinkIsStoredAsync();
    }

    [Fact]
    public async Task A_batch_that_is_refused_at_its_commit_is_not_registered()
    {
        await RefuseAsync("links.destinations", "NEW.url LIKE '%/bad%'", "23514", isAtCommit: true);
        await RegisterInOneBatchAsync("good1", "bad1", "good2");
        Assert.Equal(["good1", "good2"], _left.Keys.Order());
        await EveryLinkIsStoredAsync();
    }

    [Fact]
    public async Task A_salt_that_was_taken_in_a_batch_that_is_refused_is_taken_anew()
    {
        // Another URL has the link's first id, so the first round does not store the link.
        var url = UrlOf("good1");
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes(url));
        await ExecuteAsync(
            "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES ($1, $2, '\\x00', 'other')",
            _cluster.Value, LinkId.FromUrlHash(hash, 0).ToInt64());
        await RefuseAsync("links.destinations", "NEW.salt = 1 AND NEW.url LIKE '%/good1'", "23514");
        var rewriter = await StartAsync(Open(OfRewriter));
        await Assert.ThrowsAsync<PostgresException>(() => rewriter.RegisterAsync(Message("good1"), Cancelled));

        await ExecuteAsync("DROP TRIGGER refuse ON links.destinations");
        await RegisterAsync(rewriter, "good1");
        Assert.Equal(LinkId.FromUrlHash(hash, 1), _left["good1"].Links[0]);
        await EveryLinkIsStoredAsync();
    }

    [Theory]
    [InlineData(CutPoint.BeforeSync)]
    [InlineData(CutPoint.BeforeReady)]
    public async Task Registered_messages_are_stored_wherever_a_connection_is_cut(CutPoint at)
    {
        await using var cutter = new DatabaseCutter(OfRewriter);
        var rewriter = await StartAsync(Open(cutter.ConnectionString));
        for (var transaction = 1; ; transaction++)
        {
            // The message has new links and stored ones, so that both round trips are made.
            var (id, again) = ($"cut{transaction}", $"again{transaction}");
            await RegisterAsync(await StartAsync(_beside), again);
            cutter.Arm(at, transaction);
            await RegisterAsync(rewriter, id, again);
            await RegisterAsync(rewriter, again);
            var hasCut = cutter.HasCut;
            cutter.Disarm();
            await RegisterUntilStoredAsync(rewriter, id, again);
            await RegisterUntilStoredAsync(rewriter, again);
            await EveryLinkIsStoredAsync();
            if (!hasCut)
            {
                Assert.InRange(transaction, 3, 100);
                return;
            }
        }
    }

    [Fact]
    public async Task A_database_that_goes_back_to_an_older_state_is_told_its_links_again()
    {
        var older = await CopyAsync();
        var dataSource = Open(OfRewriter);
        var rewriter = await StartAsync(dataSource);
        await RegisterAsync(rewriter, "before");
        await SwapAsync(older);
        _left.Clear();

        await RegisterUntilStoredAsync(rewriter, "after", "before");
        await EveryLinkIsStoredAsync();
    }

    [Fact]
    public async Task A_database_that_goes_back_is_told_its_links_again_also_when_others_met_the_break()
    {
        var older = await CopyAsync();
        var dataSource = Open(OfRewriter);
        var rewriter = await StartAsync(dataSource);
        await RegisterAsync(rewriter, "before");
        await SwapAsync(older);
        _left.Clear();

        // As if another user of the pool had found the connections broken: the rewriter gets a new connection.
        dataSource.Clear();
        await RegisterUntilStoredAsync(rewriter, "after", "before");
        await EveryLinkIsStoredAsync();
    }

    [Fact]
    public async Task A_retried_batch_does_not_read_the_memory_of_a_cancelled_message()
    {
        var rewriter = await StartAsync(Open(OfRewriter));
        await RegisterAsync(rewriter, "known");
        var message = Message("gone", "known", "new");
        using (var client = new CancellationTokenSource())
        {
            await using var connection = await _beside.OpenConnectionAsync(Cancelled);
            await using var transaction = await connection.BeginTransactionAsync(Cancelled);
            await using var hold = new NpgsqlCommand("LOCK links.destinations IN ACCESS EXCLUSIVE MODE", connection);
            await hold.ExecuteNonQueryAsync(Cancelled);
            var waiting = rewriter.RegisterAsync(message, client.Token);
            await Eventually.HoldsAsync(SomebodyWaitsAsync, "its batch waits", Cancelled);
            await client.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
            Assert.All(message.Destinations, url => MemoryMarshal.AsMemory(url).Span.Fill((byte)'x'));

            // The batch waits in the database. After this statement the rewriter takes the database for another one.
            await using var rewrite = new NpgsqlCommand("TRUNCATE links.destinations", connection);
            await rewrite.ExecuteNonQueryAsync(Cancelled);
            await transaction.CommitAsync(Cancelled);
        }

        await RegisterAsync(rewriter, "after");
        Assert.Equal(0L, await CountAsync("links.destinations WHERE url LIKE 'x%'"));
        Assert.NotEqual(0L, await CountAsync("links.destinations WHERE url LIKE '%/known'"));
    }

    [Fact]
    public async Task Links_that_are_restored_in_place_to_an_older_state_are_written_again()
    {
        var rewriter = await StartAsync(Open(OfRewriter));
        await RegisterAsync(rewriter, "before");
        await ExecuteAsync("TRUNCATE links.destinations, rewrite.messages");
        _left.Clear();

        await RegisterAsync(rewriter, "after", "before");
        Assert.Single(_left);
        await EveryLinkIsStoredAsync();
    }

    [Fact]
    public async Task A_server_whose_files_go_back_to_an_older_state_is_told_its_links_again()
    {
        await using var server = await BreakablePostgres.CreateAsync(Cancelled);
        var dataSource = Open(server.ConnectionString);
        await new Migrator(dataSource, NullLogger<Migrator>.Instance).ApplyAsync(Cancelled);
        using var older = new TemporaryFolder();
        await server.StopAsync();
        server.CopyTo(older.Path);
        await server.StartAsync(Cancelled);

        var rewriter = await StartAsync(dataSource);
        await RegisterUntilStoredAsync(rewriter, "before");
        await server.StopAsync();
        server.TakeBack(older.Path);
        await server.StartAsync(Cancelled);
        _left.Clear();

        await RegisterUntilStoredAsync(rewriter, "after", "before");
        await EveryLinkIsStoredAsync(dataSource);
    }

    private static string UrlOf(string id) => $"https://example.com/{id}";

    private static MessageRegistration Message(string id, params string[] others) => new()
    {
        Cluster = _cluster,
        MessageId = id,
        ContentHash = SHA256.HashData(Encoding.UTF8.GetBytes(id)),
        Host = "track.localhost",
        OpensTracked = true,
        Destinations = [.. Urls(id, others).Select(url => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(url))],
        LinkMap = LinkMap.Write([.. Urls(id, others).Select((_, n) => new LinkPlace(1, n + 1, ""))]),
        Level = TrackingLevel.Full,
    };

    // The message's own URL, one that all messages have, and those of other messages.
    private static string[] Urls(string id, params string[] others) =>
        [UrlOf(id), UrlOf("everybody"), .. others.Select(UrlOf)];

    private async Task RegisterInOneBatchAsync(params string[] ids)
    {
        // A lock blocks the only connection. The other messages wait and become one batch.
        var rewriter = await StartAsync(Open(OfRewriter));
        var waiting = new List<Task>();
        await using (var connection = await _beside.OpenConnectionAsync(Cancelled))
        await using (await connection.BeginTransactionAsync(Cancelled))
        {
            await using var hold = new NpgsqlCommand("LOCK rewrite.messages IN ACCESS EXCLUSIVE MODE", connection);
            await hold.ExecuteNonQueryAsync(Cancelled);
            var first = rewriter.RegisterAsync(Message("first"), Cancelled);
            await Eventually.HoldsAsync(SomebodyWaitsAsync, "the first batch waits", Cancelled);
            waiting.AddRange(ids.Select(id => RegisterAsync(rewriter, id)));
            waiting.Add(first);
        }

        await Task.WhenAll(waiting);

        // Wrong memory of a failed batch would show here.
        await RegisterUntilStoredAsync(
            rewriter, _left.Keys.First(), [.. ids.Where(id => !id.StartsWith("bad", StringComparison.Ordinal))]);
    }

    private async Task<bool> RegisterAsync(RegisterMessages rewriter, string id, params string[] others)
    {
        try
        {
            var result = await rewriter.RegisterAsync(Message(id, others), Cancelled);
            if (result.Outcome == RegistrationOutcome.Registered)
            {
                _left[id] = (Urls(id, others), result.Links);
                return true;
            }
        }
        catch (PostgresException)
        {
            // The registration was refused, so the message is not counted as registered.
        }

        return false;
    }

    private Task RegisterUntilStoredAsync(RegisterMessages rewriter, string id, params string[] others) =>
        Eventually.HoldsAsync(() => RegisterAsync(rewriter, id, others), $"{id} is registered", Cancelled);

    private async Task EveryLinkIsStoredAsync(NpgsqlDataSource? database = null)
    {
        var stored = new Dictionary<LinkId, string>();
        await using var command = (database ?? _beside).CreateCommand("SELECT link_id, url FROM links.destinations");
        await using var reader = await command.ExecuteReaderAsync(Cancelled);
        while (await reader.ReadAsync(Cancelled))
        {
            stored.Add(LinkId.FromInt64(reader.GetInt64(0)), reader.GetString(1));
        }

        Assert.NotEmpty(_left);
        Assert.All(_left.Values, message =>
            Assert.Equal(message.Urls, message.Links.Select(link => stored.GetValueOrDefault(link, "no row"))));
    }

    private async Task RefuseAsync(string table, string when, string sqlState, bool isAtCommit = false)
    {
        await ExecuteAsync(
            $"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlState}'; END $$
            """);
        await ExecuteAsync(isAtCommit
            ? $"CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED "
                + $"FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse()"
            : $"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse()");
    }

    // Makes a second database, like a standby that lags behind or a backup. It later gets the first one's name.
    private async Task<string> CopyAsync()
    {
        var name = new NpgsqlConnectionStringBuilder(_connection).Database!;
        await EndSessionsAsync(name);
        await MaintainAsync($"CREATE DATABASE {name}_older TEMPLATE {name}");
        return $"{name}_older";
    }

    private async Task SwapAsync(string older)
    {
        var name = new NpgsqlConnectionStringBuilder(_connection).Database!;
        await EndSessionsAsync(name);
        await MaintainAsync($"ALTER DATABASE {name} RENAME TO {name}_newer");
        await MaintainAsync($"ALTER DATABASE {older} RENAME TO {name}");
        _beside.Clear();
    }

    private async Task EndSessionsAsync(string name)
    {
        await MaintainAsync($"ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        await MaintainAsync($"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'");
        await MaintainAsync($"ALTER DATABASE {name} ALLOW_CONNECTIONS true");
        _beside.Clear();
    }

    private async Task MaintainAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(_connection) { Database = "postgres", Pooling = false }.ConnectionString);
        await connection.OpenAsync(Cancelled);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    private NpgsqlDataSource Open(string connection)
    {
        var dataSource = NpgsqlDataSource.Create(connection);
        _opened.Add(dataSource);
        return dataSource;
    }

    private async Task<RegisterMessages> StartAsync(NpgsqlDataSource database)
    {
        var options = Options.Create(new RewriteOptions { RegistrationConnections = 1 });
        var rewriter = new RegisterMessages(
            database, new KnownDestinations(options), options, _lifetime, TimeProvider.System,
            NullLogger<RegisterMessages>.Instance);
        _rewriters.Add(rewriter);
        await rewriter.StartAsync(Cancelled);
        return rewriter;
    }

    private async Task<bool> SomebodyWaitsAsync()
    {
        await using var command = _beside.CreateCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()");
        return await command.ExecuteScalarAsync(Cancelled) is long and > 0;
    }

    private async Task<object?> CountAsync(string table)
    {
        await using var command = _beside.CreateCommand($"SELECT count(*) FROM {table}");
        return await command.ExecuteScalarAsync(Cancelled);
    }

    private async Task ExecuteAsync(string sql, params object[] values)
    {
        await using var command = _beside.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        await command.ExecuteNonQueryAsync(Cancelled);
    }
}

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

/// <summary>Several rewriters, called directly without HTTP.</summary>
public sealed class RegisterMessagesTests(RewritePostgres postgres) : IAsyncLifetime
{
    private static readonly ClusterId _cluster = new(4711);

    private readonly List<RegisterMessages> _rewriters = [];
    private readonly ApplicationLifetime _lifetime = new(NullLogger<ApplicationLifetime>.Instance);
    private NpgsqlDataSource _database = null!;
    private NpgsqlDataSource _own = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var connection = await postgres.CreateDatabaseAsync();
        _database = NpgsqlDataSource.Create(connection);
        _own = NpgsqlDataSource.Create(ServiceLogins.Of(connection, "rewrite"));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var rewriter in _rewriters)
        {
            await rewriter.StopAsync(Cancelled);
            rewriter.Dispose();
        }

        await _own.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task Rewriters_that_register_overlapping_links_neither_deadlock_nor_lose_one()
    {
        RegisterMessages[] rewriters = [await StartAsync(), await StartAsync(), await StartAsync(), await StartAsync()];
        var urls = Enumerable.Range(0, 300).Select(n => $"https://example.com/overlap/{n}").ToArray();
        var random = new Random(20261121);
        var messages = Enumerable.Range(0, 400)
            .Select(n => Message($"m{n}", random.GetItems(urls, random.Next(1, 40))))
            .ToArray();
        var results = await Task.WhenAll(messages.Select((message, n) =>
            rewriters[n % rewriters.Length].RegisterAsync(message, Cancelled)));

        var stored = new Dictionary<LinkId, string>();
        await using (var command = _database.CreateCommand("SELECT link_id, url FROM links.destinations"))
        await using (var reader = await command.ExecuteReaderAsync(Cancelled))
        {
            while (await reader.ReadAsync(Cancelled))
            {
                stored.Add(LinkId.FromInt64(reader.GetInt64(0)), reader.GetString(1));
            }
        }

        Assert.All(results.Zip(messages), pair =>
        {
            Assert.Equal(RegistrationOutcome.Registered, pair.First.Outcome);
            Assert.Equal(
                pair.Second.Destinations.Select(url => Encoding.ASCII.GetString(url.Span)),
                pair.First.Links.Select(link => stored[link]));
        });
        Assert.Equal(messages.SelectMany(Urls).Distinct().Count(), stored.Count);
        Assert.Equal(400L, await ScalarAsync("SELECT count(*) FROM rewrite.messages"));
    }

    [Fact]
    public async Task PostgreSQL_plans_the_statements_of_registration_once_and_not_for_each_batch()
    {
        const int Batches = 40;
        const int CustomPlans = 5; // PostgreSQL compares the cost of this many plans with that of a general one.
        var rewriter = await StartAsync(options => options.RegistrationConnections = 1);
        for (var batch = 0; batch < Batches; batch++)
        {
            await rewriter.RegisterAsync(Message($"m{batch}", $"https://example.com/{batch}"), Cancelled);
        }

        // The pool has one connection.
        await using var command = _own.CreateCommand(
            """
            SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements
            WHERE statement LIKE '%INSERT INTO%' ORDER BY statement
            """);
        await using var reader = await command.ExecuteReaderAsync(Cancelled);
        var read = new List<(string Statement, long Generic, long Custom)>();
        while (await reader.ReadAsync(Cancelled))
        {
            read.Add((reader.GetString(0), reader.GetInt64(1), reader.GetInt64(2)));
        }

        Assert.Equal(2, read.Count);
        Assert.All(read, statement => Assert.Equal(
            (Batches - CustomPlans, CustomPlans), (statement.Generic, statement.Custom)));
    }

    [Fact]
    public async Task One_message_in_a_batch_that_cannot_be_stored_does_not_take_its_neighbours_with_it()
    {
        // A lock blocks the only connection. The other messages wait and become one batch.
        var rewriter = await StartAsync(options => options.RegistrationConnections = 1);
        List<Task<RegistrationResult>> good;
        Task<RegistrationResult> refusedByDatabase, refusedByDriver;
        await using (var connection = await _database.OpenConnectionAsync(Cancelled))
        await using (await connection.BeginTransactionAsync(Cancelled))
        {
            await using var hold = new NpgsqlCommand("LOCK rewrite.messages IN ACCESS EXCLUSIVE MODE", connection);
            await hold.ExecuteNonQueryAsync(Cancelled);
            var first = rewriter.RegisterAsync(Message("first", "https://example.com/"), Cancelled);
            await Eventually.HoldsAsync(SomebodyWaitsAsync, "the first batch waits", Cancelled);
            good = [first, .. Enumerable.Range(0, 10).Select(n =>
                rewriter.RegisterAsync(Message($"good{n}", $"https://example.com/{n}"), Cancelled))];
            refusedByDatabase = rewriter.RegisterAsync(
                Message("nul", "https://example.com/") with { Sender = "nul\0" }, Cancelled);
            refusedByDriver = rewriter.RegisterAsync(
                Message("half", "https://example.com/") with { Sender = "half\ud800" }, Cancelled);
        }

        Assert.All(await Task.WhenAll(good), result => Assert.Equal(RegistrationOutcome.Registered, result.Outcome));
        await Assert.ThrowsAsync<PostgresException>(() => refusedByDatabase);
        await Assert.ThrowsAnyAsync<ArgumentException>(() => refusedByDriver);
        Assert.Equal(11L, await ScalarAsync("SELECT count(*) FROM rewrite.messages"));

        var after = await rewriter.RegisterAsync(Message("after", "https://example.com/"), Cancelled);
        Assert.Equal(RegistrationOutcome.Registered, after.Outcome);
    }

    [Fact]
    public async Task The_same_message_and_another_under_its_id_in_one_batch_are_told_apart()
    {
        var rewriter = await StartAsync(options => options.RegistrationConnections = 1);
        Task<RegistrationResult>[] results;
        await using (var connection = await _database.OpenConnectionAsync(Cancelled))
        await using (await connection.BeginTransactionAsync(Cancelled))
        {
            await using var hold = new NpgsqlCommand("LOCK rewrite.messages IN ACCESS EXCLUSIVE MODE", connection);
            await hold.ExecuteNonQueryAsync(Cancelled);
            var first = rewriter.RegisterAsync(Message("first", "https://example.com/"), Cancelled);
            await Eventually.HoldsAsync(SomebodyWaitsAsync, "the first batch waits", Cancelled);
            results =
            [
                first,
                rewriter.RegisterAsync(Message("same", "https://example.com/"), Cancelled),
                rewriter.RegisterAsync(Message("same", "https://example.com/"), Cancelled),
                rewriter.RegisterAsync(Message("same", "https://example.com/") with { ContentHash = [9] }, Cancelled),
            ];
        }

        var outcomes = (await Task.WhenAll(results)).Select(result => result.Outcome);
        Assert.Equal(
            [
                RegistrationOutcome.Registered, RegistrationOutcome.Registered, RegistrationOutcome.Registered,
                RegistrationOutcome.OtherContent,
            ],
            outcomes);
    }

    [Fact]
    public async Task A_cancelled_registration_is_not_stored_later()
    {
        var rewriter = await StartAsync(options => options.RegistrationConnections = 1);
        Task<RegistrationResult> first;
        using (var client = new CancellationTokenSource())
        await using (var connection = await _database.OpenConnectionAsync(Cancelled))
        await using (await connection.BeginTransactionAsync(Cancelled))
        {
            await using var hold = new NpgsqlCommand("LOCK rewrite.messages IN ACCESS EXCLUSIVE MODE", connection);
            await hold.ExecuteNonQueryAsync(Cancelled);
            first = rewriter.RegisterAsync(Message("first", "https://example.com/"), Cancelled);
            await Eventually.HoldsAsync(SomebodyWaitsAsync, "the first batch waits", Cancelled);
            var gone = rewriter.RegisterAsync(Message("gone", "https://example.com/gone"), client.Token);
            await client.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        }

        Assert.Equal(RegistrationOutcome.Registered, (await first).Outcome);
        await rewriter.RegisterAsync(Message("last", "https://example.com/"), Cancelled);
        Assert.Equal(0L, await ScalarAsync("SELECT count(*) FROM rewrite.messages WHERE message_id = 'gone'"));
    }

    [Fact]
    public async Task Registrations_that_wait_at_a_stop_get_an_answer_within_the_grace_period()
    {
        var rewriter = await StartAsync(options =>
        {
            options.RegistrationConnections = 1;
            options.RegistrationTimeout = TimeSpan.FromMinutes(2);
            options.RegistrationStopGrace = TimeSpan.FromMilliseconds(50);
        });
        await using var connection = await _database.OpenConnectionAsync(Cancelled);
        await using var transaction = await connection.BeginTransactionAsync(Cancelled);
        await using var hold = new NpgsqlCommand("LOCK rewrite.messages IN ACCESS EXCLUSIVE MODE", connection);
        await hold.ExecuteNonQueryAsync(Cancelled);
        Task<RegistrationResult>[] waiting =
        [
            rewriter.RegisterAsync(Message("under way", "https://example.com/"), Cancelled),
            .. Enumerable.Range(0, 5).Select(n => rewriter.RegisterAsync(Message($"queued{n}"), Cancelled)),
        ];
        await Eventually.HoldsAsync(SomebodyWaitsAsync, "the first batch waits", Cancelled);
        _lifetime.StopApplication();
        var results = await Task.WhenAll(waiting).WaitAsync(Eventually.Deadline, Cancelled);
        Assert.All(results, result => Assert.Equal(RegistrationOutcome.StoreUnavailable, result.Outcome));

        await rewriter.StopAsync(Cancelled);
        var late = await rewriter.RegisterAsync(Message("late"), Cancelled);
        Assert.Equal(RegistrationOutcome.StoreUnavailable, late.Outcome);
    }

    [Fact]
    public async Task A_level_only_becomes_stricter_when_a_message_is_sent_again()
    {
        foreach (var first in Enum.GetValues<TrackingLevel>())
        {
            foreach (var again in Enum.GetValues<TrackingLevel>())
            {
                var message = Message($"{first} {again}", "https://example.com/");
                await (await StartAsync()).RegisterAsync(message with { Level = first }, Cancelled);
                await (await StartAsync()).RegisterAsync(message with { Level = again }, Cancelled);
                Assert.Equal(
                    (short)TrackingLevels.Strictest(first, again),
                    await ScalarAsync(
                        $"SELECT tracking_level FROM rewrite.messages WHERE message_id = '{first} {again}'"));
            }
        }
    }

    [Fact]
    public async Task A_message_to_somebody_who_withdrew_is_off_whatever_its_level()
    {
        var hash = SHA256.HashData("somebody"u8);
        await using var withdraw = _database.CreateCommand(
            "INSERT INTO rewrite.withdrawals (cluster_id, id, recipient_hash, withdrawn_at) "
            + "VALUES ($1, gen_random_uuid(), $2, now())");
        withdraw.Parameters.Add(new() { Value = _cluster.Value });
        withdraw.Parameters.Add(new() { Value = hash });
        await withdraw.ExecuteNonQueryAsync(Cancelled);
        foreach (var level in Enum.GetValues<TrackingLevel>())
        {
            var message = Message($"{level}", "https://example.com/") with
            {
                Level = level,
                Recipient = "somebody@example.net",
                RecipientHash = hash,
            };
            await (await StartAsync()).RegisterAsync(message, Cancelled);
            Assert.Equal(
                (short)TrackingLevel.Off,
                await ScalarAsync($"SELECT tracking_level FROM rewrite.messages WHERE message_id = '{level}'"));
        }
    }

    private static IEnumerable<string> Urls(MessageRegistration message) =>
        message.Destinations.Select(url => Encoding.ASCII.GetString(url.Span));

    private static MessageRegistration Message(string id, params string[] urls) => new()
    {
        Cluster = _cluster,
        MessageId = id,
        ContentHash = SHA256.HashData(Encoding.UTF8.GetBytes(id)),
        Host = "track.localhost",
        OpensTracked = true,
        Destinations = [.. urls.Select(url => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(url))],
        LinkMap = LinkMap.Write([.. urls.Select((_, n) => new LinkPlace(1, n + 1, ""))]),
        Level = TrackingLevel.Full,
    };

    private async Task<RegisterMessages> StartAsync(Action<RewriteOptions>? change = null)
    {
        var settings = new RewriteOptions();
        change?.Invoke(settings);
        var options = Options.Create(settings);
        var rewriter = new RegisterMessages(
            _own, new KnownDestinations(options), options, _lifetime, TimeProvider.System,
            NullLogger<RegisterMessages>.Instance);
        _rewriters.Add(rewriter);
        await rewriter.StartAsync(Cancelled);
        return rewriter;
    }

    private async Task<bool> SomebodyWaitsAsync() => (long)(await ScalarAsync(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"))! > 0;

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var command = _database.CreateCommand(sql);
        return await command.ExecuteScalarAsync(Cancelled);
    }
}

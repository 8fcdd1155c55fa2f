using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>Clusters and signing keys in memory, and how they follow the database.</summary>
public sealed class DirectoryTests(RewritePostgres postgres) : IAsyncLifetime
{
    private readonly StandingTime _time = new();
    private readonly MasterKey _masterKey = new(new byte[MasterKey.Size]);
    private readonly KeptLog<ClusterDirectory> _log = new();
    private NpgsqlDataSource _database = null!;
    private ClusterDirectory _clusters = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = NpgsqlDataSource.Create(await postgres.CreateDatabaseAsync());
        _clusters = new ClusterDirectory(_database, _log);
    }

    public async ValueTask DisposeAsync()
    {
        _masterKey.Dispose();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task A_new_key_verifies_at_once_and_signs_only_after_the_delay_and_the_old_one_verifies_for_good()
    {
        var (rotating, other) = (Ring(), Ring());
        await rotating.RefreshAsync(Cancelled);
        await other.RefreshAsync(Cancelled);
        var old = Token(rotating);

        var (version, signsFrom) = await rotating.RotateAsync(Cancelled);
        Assert.Equal(2, version);
        Assert.Equal(_time.GetUtcNow() + SigningKeyRing.SigningDelay, signsFrom);
        Assert.Equal(1, rotating.Current!.Current.Version);
        await other.RefreshAsync(Cancelled);

        _time.Advance(SigningKeyRing.SigningDelay - TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, rotating.Current.Current.Version);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(2, rotating.Current.Current.Version);
        Assert.Equal(2, other.Current!.Current.Version);

        Assert.NotEqual(old, Token(rotating));
        Assert.Equal(TokenOutcome.Valid, LinkToken.Read(Token(rotating), other.Current, out _));
        Assert.Equal(TokenOutcome.Valid, LinkToken.Read(old, other.Current, out _));
    }

    [Fact]
    public async Task Two_processes_that_make_the_first_key_agree_on_one()
    {
        var rings = Enumerable.Range(0, 8).Select(_ => Ring()).ToList();
        await Task.WhenAll(rings.Select(ring => ring.RefreshAsync(Cancelled)));
        Assert.Single(rings.Select(Token).Distinct());
        Assert.Equal(1L, await ScalarAsync("SELECT count(*) FROM links.signing_keys"));
    }

    [Fact]
    public async Task Two_who_rotate_at_once_tell_what_is_stored()
    {
        var rings = Enumerable.Range(0, 8).Select(_ => Ring()).ToList();
        await Task.WhenAll(rings.Select(ring => ring.RefreshAsync(Cancelled)));
        var results = await Task.WhenAll(rings.Select(ring => ring.RotateAsync(Cancelled)));
        foreach (var (version, signsFrom) in results)
        {
            var rows = rings[0].Rows.Concat(await RowsAsync());
            Assert.Equal(signsFrom, rows.Last(row => row.Version == version).SignsFrom);
        }
    }

    [Fact]
    public async Task Another_master_key_is_told_in_one_line_and_what_is_known_stays()
    {
        var ring = Ring();
        await ring.RefreshAsync(Cancelled);
        using var otherKey = new MasterKey(RandomNumberGenerator.GetBytes(MasterKey.Size));
        var wrong = new SigningKeyRing(_database, otherKey, _time);
        var error = await Assert.ThrowsAsync<WrongMasterKeyException>(() => wrong.RefreshAsync(Cancelled));
        Assert.Contains("another master key", error.Message, StringComparison.Ordinal);
        Assert.Contains("Tracking__MasterKeyFile", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Null(wrong.Current);
        Assert.Throws<WrongMasterKeyException>(() => wrong.Restore(ring.Rows));
        Assert.Null(wrong.Current);
    }

    [Fact]
    public async Task One_clusters_unreadable_settings_do_not_hide_the_others()
    {
        await InsertAsync(1, """{"trackClicks":true}""");
        await InsertAsync(2, """{"trackClicks":true}""");
        await _clusters.RefreshAsync(Cancelled);

        await ExecuteAsync(
            """UPDATE management.clusters SET settings = '{"linkStyle":"of a newer version"}' WHERE id = 1""");
        await InsertAsync(3, """{"linkStyle":7}""");
        await InsertAsync(4, "null");
        await InsertAsync(6, """{"excludedDomains":null}""");
        await InsertAsync(7, """{"excludedDomains":[null]}""");
        await InsertAsync(8, """{"retentionMonths":0}""");
        await InsertAsync(5, """{"trackOpens":true,"aSettingOfANewerVersion":1}""");
        await _clusters.RefreshAsync(Cancelled);
        Assert.Equal(8, _clusters.All.Count);
        Assert.All([6, 7, 8], id => Assert.Equal(TrackingLevel.None, Settings(id).TrackingLevel));
        Assert.True(Settings(1).TrackClicks);
        Assert.True(Settings(2).TrackClicks);
        Assert.Equal(TrackingLevel.None, Settings(3).TrackingLevel);
        Assert.Equal(TrackingLevel.None, Settings(4).TrackingLevel);
        Assert.True(Settings(5).TrackOpens);
    }

    [Fact]
    public async Task Unreadable_settings_are_logged_once_and_again_when_they_change()
    {
        await InsertAsync(1, """{"trackClicks":true}""");
        await InsertAsync(2, """{"excludedDomains":["customer.example",7]}""");
        await _clusters.RefreshAsync(Cancelled);
        await _clusters.RefreshAsync(Cancelled);
        var line = Assert.Single(_log.Lines);
        Assert.Contains(
            $"cluster {new ClusterId(2)} cannot be read at $.excludedDomains[1]", line, StringComparison.Ordinal);
        Assert.DoesNotContain("customer.example", line, StringComparison.Ordinal);

        await ExecuteAsync("""UPDATE management.clusters SET settings = '{"linkStyle":7}' WHERE id = 2""");
        await _clusters.RefreshAsync(Cancelled);
        await _clusters.RefreshAsync(Cancelled);
        Assert.Contains("at $.linkStyle,", Assert.Single(_log.Lines.Skip(1)), StringComparison.Ordinal);

        await ExecuteAsync("""UPDATE management.clusters SET settings = '{}' WHERE id = 2""");
        await _clusters.RefreshAsync(Cancelled);
        await ExecuteAsync("""UPDATE management.clusters SET settings = '{"linkStyle":7}' WHERE id = 2""");
        await _clusters.RefreshAsync(Cancelled);
        Assert.Equal(3, _log.Lines.Count);
    }

    [Fact]
    public async Task A_cluster_made_a_moment_ago_is_found_and_a_deleted_one_is_not()
    {
        await _clusters.RefreshAsync(Cancelled);
        await InsertAsync(7, "{}");
        var id = new ClusterId(7).ToString();
        Assert.NotNull(await _clusters.FindAsync(id, Cancelled));
        await ExecuteAsync("UPDATE management.clusters SET deleted_at = now() WHERE id = 7");
        await _clusters.RefreshAsync(Cancelled);
        Assert.Null(await _clusters.FindAsync(id, Cancelled));
        Assert.Null(await _clusters.FindAsync("nonsense", Cancelled));
    }

    [Fact]
    public async Task It_is_read_again_on_request_also_during_a_read_and_when_its_time_has_come()
    {
        using var refresh = await StartRefreshAsync();
        await Eventually.HoldsAsync(() => _time.Timers == 1, "it waits", Cancelled);
        Assert.Empty(_clusters.All);

        // By request, without any time passing.
        await InsertAsync(1, "{}");
        refresh.RequestNow();
        await Eventually.HoldsAsync(() => _clusters.All.Count == 1, "the request is answered", Cancelled);

        // During a read that has begun and is held up: it reads once more.
        await Eventually.HoldsAsync(() => _time.Timers == 1, "it waits again", Cancelled);
        await using (var connection = await _database.OpenConnectionAsync(Cancelled))
        await using (var transaction = await connection.BeginTransactionAsync(Cancelled))
        {
            await using var change = new NpgsqlCommand(
                "LOCK links.signing_keys IN ACCESS EXCLUSIVE MODE", connection);
            await change.ExecuteNonQueryAsync(Cancelled);
            refresh.RequestNow();
            await ReadIsHeldUpAsync();
            refresh.RequestNow();
            refresh.RequestNow();
            await transaction.CommitAsync(Cancelled);
        }

        await Eventually.HoldsAsync(() => _time.Timers == 1, "both requests are done", Cancelled);
        await InsertAsync(2, "{}");
        Assert.Single(_clusters.All);

        // By time alone.
        _time.Advance(new SystemOptions().DirectoryRefresh);
        await Eventually.HoldsAsync(() => _clusters.All.Count == 2, "the time is up", Cancelled);
        await refresh.StopAsync(Cancelled);
    }

    [Fact]
    public async Task A_request_during_a_read_leads_to_another_read()
    {
        using var refresh = await StartRefreshAsync();
        await Eventually.HoldsAsync(() => _time.Timers == 1, "it waits", Cancelled);
        await using var connection = await _database.OpenConnectionAsync(Cancelled);
        await using (var transaction = await connection.BeginTransactionAsync(Cancelled))
        {
            // The clusters are read, the sending domains behind them are held up.
            await using var hold = new NpgsqlCommand(
                "LOCK management.sending_domains IN ACCESS EXCLUSIVE MODE", connection);
            await hold.ExecuteNonQueryAsync(Cancelled);
            refresh.RequestNow();
            await ReadIsHeldUpAsync();
            await InsertAsync(1, "{}");
            refresh.RequestNow();
            await transaction.CommitAsync(Cancelled);
        }

        await Eventually.HoldsAsync(() => _clusters.All.Count == 1, "the later request is answered", Cancelled);
        await refresh.StopAsync(Cancelled);
    }

    private static string Token(SigningKeyRing ring) =>
        new LinkToken(new ClusterId(1), new MessageKey(2, 3), new LinkId(4), 5, LinkKind.Click)
            .ToString(ring.Current!.Current);

    private SigningKeyRing Ring() => new(_database, _masterKey, _time);

    private ClusterSettings Settings(int cluster) =>
        _clusters.TryGet(new ClusterId(cluster), out var found) ? found.Settings : throw new KeyNotFoundException();

    private async Task<RefreshDirectories> StartRefreshAsync()
    {
        var refresh = new RefreshDirectories(
            _clusters, Ring(), Options.Create(new SystemOptions()), _time, NullLogger<RefreshDirectories>.Instance);
        await refresh.StartAsync(Cancelled);
        return refresh;
    }

    private Task ReadIsHeldUpAsync() => Eventually.HoldsAsync(
        async () => (long)(await ScalarAsync(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            + "AND datname = current_database()"))! > 0,
        "the read is held up",
        Cancelled);

    private async Task<IReadOnlyList<SealedSigningKey>> RowsAsync()
    {
        var ring = Ring();
        await ring.RefreshAsync(Cancelled);
        return ring.Rows;
    }

    private Task InsertAsync(int cluster, string settings) => ExecuteAsync(
        $"INSERT INTO management.clusters (id, name, settings) VALUES ({cluster}, 'c{cluster}', '{settings}')");

    private async Task ExecuteAsync(string sql)
    {
        await using var command = _database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var command = _database.CreateCommand(sql);
        return await command.ExecuteScalarAsync(Cancelled);
    }
}

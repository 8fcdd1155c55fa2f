using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Functional.Tests.RedirectEdge;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>Clusters and signing keys in memory, and their refresh from the database.</summary>
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
        await MakeFirstKeyAsync();
        var (rotating, other) = (Ring(), Ring());
        await rotating.RefreshAsync(Cancelled);
        await other.RefreshAsync(Cancelled);
        var old = Token(rotating);

        var (version, signsFrom) = await rotating.RotateAsync(Cancelled);
        Assert.Equal(2, version);
        Assert.Equal(
            SigningKeyRing.SigningDelay,
            signsFrom - (DateTimeOffset)(DateTime)(await ScalarAsync(
                "SELECT created_at FROM links.signing_keys WHERE version = 2"))!);
        Assert.Equal(1, rotating.Current!.Current.Version);
        await other.RefreshAsync(Cancelled);

        // Half of the delay is over, minus the duration of the test.
        _time.Advance(SigningKeyRing.SigningDelay / 2);
        Assert.Equal(1, rotating.Current.Current.Version);
        _time.Advance(SigningKeyRing.SigningDelay / 2);
        Assert.Equal(2, rotating.Current.Current.Version);
        Assert.Equal(2, other.Current!.Current.Version);

        Assert.NotEqual(old, Token(rotating));
        Verifies(other, Token(rotating));
        Verifies(other, old);
    }

    [Theory]
    [InlineData(-400)]
    [InlineData(400)]
    public async Task The_databases_clock_and_not_the_processs_decides_when_a_key_signs(int daysOff)
    {
        await MakeFirstKeyAsync();
        _time.Advance(TimeProvider.System.GetUtcNow() - _time.GetUtcNow() + TimeSpan.FromDays(daysOff));
        var ring = Ring();
        await ring.RefreshAsync(Cancelled);
        await ring.RotateAsync(Cancelled);
        Assert.Equal(1, ring.Current!.Current.Version);
        await ExecuteAsync("UPDATE links.signing_keys SET signs_from = now() - interval '1 s' WHERE version = 2");
        await ring.RefreshAsync(Cancelled);
        Assert.Equal(2, ring.Current.Current.Version);
    }

    [Fact]
    public async Task Two_who_make_the_first_key_agree_on_one_and_nobody_else_makes_one()
    {
        var ring = Ring();
        await ring.RefreshAsync(Cancelled);
        Assert.Null(ring.Current);
        Assert.Equal([(0, KeyFault.NoKey)], ring.Faults);
        await Assert.ThrowsAsync<SigningKeysLostException>(() => ring.RotateAsync(Cancelled));
        Assert.Equal(0L, await ScalarAsync("SELECT count(*) FROM links.signing_keys"));

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => MakeFirstKeyAsync()));
        var rings = Enumerable.Range(0, 8).Select(_ => Ring()).ToList();
        await Task.WhenAll(rings.Select(other => other.RefreshAsync(Cancelled)));
        Assert.Single(rings.Select(Token).Distinct());
        Assert.Equal(1L, await ScalarAsync("SELECT count(*) FROM links.signing_keys"));
    }

    [Theory]
    [InlineData("DELETE FROM links.signing_keys")]
    [InlineData("DELETE FROM links.signing_keys WHERE version = 1")]
    [InlineData("DELETE FROM links.signing_keys WHERE version = 2")]
    [InlineData("UPDATE links.signing_keys SET sealed = '\\x00' WHERE version = 2")]
    [InlineData("UPDATE links.signing_keys SET sealed = '\\x00' WHERE version = 1")]
    [InlineData("UPDATE links.signing_keys SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)")]
    public async Task Keys_that_a_process_has_read_verify_after_any_damage_to_the_table_and_the_fault_is_reported(
        string accident)
    {
        await MakeFirstKeyAsync();
        var ring = Ring();
        await ring.RefreshAsync(Cancelled);
        var first = Token(ring);
        await ring.RotateAsync(Cancelled);
        await ExecuteAsync("UPDATE links.signing_keys SET signs_from = now()");
        await ring.RefreshAsync(Cancelled);
        var second = Token(ring);
        await ExecuteAsync("CREATE TABLE backup AS SELECT * FROM links.signing_keys");

        await ExecuteAsync(accident);
        await ring.RefreshAsync(Cancelled);
        await ring.RefreshAsync(Cancelled);
        Verifies(ring, first);
        Verifies(ring, second);
        Assert.NotEmpty(ring.Faults);

        // The rows for a copy still have both keys. A process that starts with the copy has both too.
        Assert.Equal([1, 2], ring.Rows.Select(row => row.Version).Order());
        var next = Ring();
        next.Restore(ring.Rows);
        await next.RefreshAsync(Cancelled);
        Verifies(next, first);
        Verifies(next, second);
        Assert.NotEmpty(next.Faults);

        // It signs with a key that others find in the table, if there is one.
        if (await ReadableAsync() is { } others)
        {
            Verifies(others, Token(ring));
            Verifies(others, Token(next));
        }

        await ExecuteAsync("DELETE FROM links.signing_keys");
        await ExecuteAsync("INSERT INTO links.signing_keys SELECT * FROM backup");
        await ring.RefreshAsync(Cancelled);
        Assert.Empty(ring.Faults);
        Assert.Equal(second, Token(ring));
    }

    [Fact]
    public async Task A_copy_that_is_taken_after_the_table_was_read_adds_what_that_lacks()
    {
        await MakeFirstKeyAsync();
        var before = Ring();
        await before.RefreshAsync(Cancelled);
        await before.RotateAsync(Cancelled);
        _time.Advance(SigningKeyRing.SigningDelay);
        var lost = Token(before);
        await ExecuteAsync("DELETE FROM links.signing_keys WHERE version = 2");

        var ring = Ring();
        await ring.RefreshAsync(Cancelled);
        Assert.Empty(ring.Faults);
        ring.Restore(before.Rows);
        Verifies(ring, lost);
        Assert.Equal(1, ring.Current!.Current.Version);
        Assert.Equal([(2, KeyFault.Missing)], ring.Faults);
    }

    [Fact]
    public async Task A_version_that_was_lost_and_made_again_verifies_under_both_keys_and_is_not_made_a_third_time()
    {
        await MakeFirstKeyAsync();
        var (old, young) = (Ring(), Ring());
        await old.RefreshAsync(Cancelled);
        await old.RotateAsync(Cancelled);
        _time.Advance(SigningKeyRing.SigningDelay);
        var lost = Token(old);

        // The database was restored from before the rotation, and a process that does not know the lost key rotates.
        await ExecuteAsync("DELETE FROM links.signing_keys WHERE version = 2");
        await young.RotateAsync(Cancelled);
        await ExecuteAsync("UPDATE links.signing_keys SET signs_from = now()");
        await young.RefreshAsync(Cancelled);
        await old.RefreshAsync(Cancelled);
        Verifies(old, lost);
        Verifies(old, Token(young));
        Verifies(young, Token(old));
        Assert.Equal([(2, KeyFault.Replaced)], old.Faults);

        await ExecuteAsync("DELETE FROM links.signing_keys WHERE version = 2");
        Assert.Equal(3, (await old.RotateAsync(Cancelled)).Version);
    }

    [Fact]
    public async Task A_process_that_starts_opens_what_it_can()
    {
        await MakeFirstKeyAsync();
        using var otherKey = new MasterKey(RandomNumberGenerator.GetBytes(MasterKey.Size));
        await ExecuteAsync(
            "INSERT INTO links.signing_keys (version, sealed, signs_from) VALUES (2, $1, now())",
            otherKey.Seal(new byte[SigningKey.Size], "links.signing_keys/2"));
        var ring = Ring();
        await ring.RefreshAsync(Cancelled);
        Assert.Equal(1, ring.Current!.Current.Version);
        Assert.Equal([(2, KeyFault.Unreadable)], ring.Faults);
        Assert.Equal(3, (await ring.RotateAsync(Cancelled)).Version);
    }

    [Fact]
    public async Task A_running_process_goes_on_with_its_keys_and_says_once_what_is_wrong()
    {
        await MakeFirstKeyAsync();
        var log = new KeptLog<RefreshDirectories>();
        var ring = Ring();
        using var refresh = new RefreshDirectories(
            _clusters, Options.Create(new SystemOptions()), _time, log, ring);
        await refresh.StartAsync(Cancelled);
        await ExecuteAsync("UPDATE links.signing_keys SET sealed = '\\x00'");
        for (var cluster = 1; cluster <= 3; cluster++)
        {
            await InsertAsync(cluster, "{}");
            refresh.RequestNow();
            await Eventually.HoldsAsync(() => _clusters.All.Count == cluster, "it is read again", Cancelled);
        }

        Assert.NotNull(ring.Current);
        await refresh.StopAsync(Cancelled);
        Assert.Contains("Signing key version 1 cannot be opened", Assert.Single(log.Lines), StringComparison.Ordinal);
        Assert.Null(refresh.ExecuteTask!.Exception);
    }

    [Fact]
    public async Task No_key_is_made_where_links_have_been_sent()
    {
        await ExecuteAsync(
            "INSERT INTO links.destinations (cluster_id, link_id, url_hash, url) VALUES (1, 1, '\\x00', 'https://a.example/')");
        var lost = await Assert.ThrowsAsync<SigningKeysLostException>(MakeFirstKeyAsync);
        Assert.Contains("restore that table", lost.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', lost.Message);
        Assert.Equal(0L, await ScalarAsync("SELECT count(*) FROM links.signing_keys"));
    }

    [Fact]
    public async Task Two_who_rotate_at_once_tell_what_is_stored()
    {
        await MakeFirstKeyAsync();
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
        await MakeFirstKeyAsync();
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
        Assert.All([6, 7, 8], id => Assert.Equal(TrackingLevel.Off, Settings(id).TrackingLevel));
        Assert.True(Settings(1).TrackClicks);
        Assert.True(Settings(2).TrackClicks);
        Assert.Equal(TrackingLevel.Off, Settings(3).TrackingLevel);
        Assert.Equal(TrackingLevel.Off, Settings(4).TrackingLevel);
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
        Assert.Contains("at $.linkStyle:", Assert.Single(_log.Lines.Skip(1)), StringComparison.Ordinal);

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
    public async Task The_directory_is_read_again_on_request_even_during_a_read_and_at_its_interval()
    {
        using var refresh = await StartRefreshAsync();
        await Eventually.HoldsAsync(() => _time.Timers == 1, "it waits", Cancelled);
        Assert.Empty(_clusters.All);

        // The refresh happens on request, without time passing.
        await InsertAsync(1, "{}");
        refresh.RequestNow();
        await Eventually.HoldsAsync(() => _clusters.All.Count == 1, "the request is answered", Cancelled);

        // A request during a blocked read causes another read.
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

        // The refresh happens by time only.
        _time.Advance(new SystemOptions().DirectoryRefresh);
        await Eventually.HoldsAsync(() => _clusters.All.Count == 2, "the time is up", Cancelled);
        await refresh.StopAsync(Cancelled);
    }

    [Fact]
    public async Task Announced_changes_of_domains_do_not_put_off_what_nobody_announced()
    {
        const int Changes = 6;
        await InsertAsync(1, "{}");
        await SomeDomains.AddAsync(_database, 1, "links.shop.example");
        await SomeDomains.ChangeAsync(_database, 1, "links.shop.example", "is_default = true");
        using var refresh = await StartRefreshAsync();
        await Eventually.HoldsAsync(() => _time.Timers == 1, "it waits", Cancelled);
        await InsertAsync(2, "{}");
        for (var change = 0; change < Changes; change++)
        {
            var tracks = change % 2 == 1;
            await SomeDomains.ChangeAsync(_database, 1, "links.shop.example", $"track_clicks = {tracks}");
            refresh.RequestDefault(new HostChange(new ClusterId(1), "links.shop.example", IsGone: false));
            await Eventually.HoldsAsync(
                () => _clusters.TryGet(new ClusterId(1), out var cluster)
                    && cluster.DefaultDomain!.TracksClicks == tracks,
                "the default is read",
                Cancelled);
            Assert.Single(_clusters.All);
            _time.Advance(new SystemOptions().DirectoryRefresh / Changes);
        }

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
            // The clusters are already read; the read of the sending domains is blocked.
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

    private static void Verifies(SigningKeyRing ring, string token) =>
        Assert.Equal(TokenOutcome.Valid, LinkToken.Read(token, ring.Current!, out _));

    private Task MakeFirstKeyAsync() => MakeFirstSigningKey.UnlessThereAsync(_database, _masterKey, Cancelled);

    // The keys of a process that starts now.
    private async Task<SigningKeyRing?> ReadableAsync()
    {
        try
        {
            var ring = Ring();
            await ring.RefreshAsync(Cancelled);
            return ring.Current is null ? null : ring;
        }
        catch (WrongMasterKeyException)
        {
            return null;
        }
    }

    private SigningKeyRing Ring() => new(_database, _masterKey, _time);

    private ClusterSettings Settings(int cluster) =>
        _clusters.TryGet(new ClusterId(cluster), out var found) ? found.Settings : throw new KeyNotFoundException();

    private async Task<RefreshDirectories> StartRefreshAsync()
    {
        var refresh = new RefreshDirectories(
            _clusters, Options.Create(new SystemOptions()), _time, NullLogger<RefreshDirectories>.Instance, Ring());
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

    private async Task ExecuteAsync(string sql, params object[] values)
    {
        await using var command = _database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        await command.ExecuteNonQueryAsync(Cancelled);
    }

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var command = _database.CreateCommand(sql);
        return await command.ExecuteScalarAsync(Cancelled);
    }
}

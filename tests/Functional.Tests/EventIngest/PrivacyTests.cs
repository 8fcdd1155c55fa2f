using System.Net;
using System.Text;
using Tracking.Database.Entities;
using Tracking.EventIngest.Batches;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.Functional.Tests.EventIngest;

public sealed class PrivacyTests(TestPostgres server)
{
    [Theory]
    [InlineData(AddressPolicy.Full, TrackingLevel.Full, "192.0.2.77", true)]
    [InlineData(AddressPolicy.Truncated, TrackingLevel.Full, "192.0.2.0", true)]
    [InlineData(AddressPolicy.None, TrackingLevel.Full, null, true)]
    [InlineData(AddressPolicy.Full, TrackingLevel.Anonymous, null, false)]
    [InlineData(AddressPolicy.Full, TrackingLevel.Off, null, false)]
    public async Task Policy_and_level_of_the_cluster_are_applied_to_rows_and_to_rejected_frames(
        AddressPolicy policy, TrackingLevel level, string? address, bool keepsAgent)
    {
        await using var database = await IngestDatabase.CreateAsync(
            server, new ClusterSettings { AddressPolicy = policy, TrackingLevel = level });
        var refused = database.Event() with { Ordinal = ushort.MaxValue };
        await database.StoreAsync(SomeEvents.Batch(database.Edge, 1, [database.Event(), refused]));

        Assert.Equal(
            address is null ? null : IPAddress.Parse(address),
            await database.ScalarAsync("SELECT client_address FROM ingest.events"));
        Assert.Equal(
            keepsAgent ? SomeEvent.Chrome : null, await database.ScalarAsync("SELECT user_agent FROM ingest.events"));
        Assert.Equal((short)Verdict.Human, await database.ScalarAsync("SELECT verdict FROM ingest.events"));

        var raw = (byte[])(await database.ScalarAsync("SELECT raw FROM ingest.rejected_events"))!;
        Assert.Equal(
            Contracts.FrameOutcome.Whole, Contracts.EventRecord.ReadFrame(raw, out var record, out _));
        Assert.Equal(address is null ? [] : IPAddress.Parse(address).GetAddressBytes(), record.ClientAddress.ToArray());
        Assert.Equal(keepsAgent ? SomeEvent.Chrome : "", Encoding.ASCII.GetString(record.UserAgent));
    }

    [Fact]
    public async Task A_message_under_a_stricter_level_than_its_cluster_is_counted_without_its_reader()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var strict = new MessageKey(1, 1);
        await AddMessageAsync(database, strict, TrackingLevel.Anonymous);
        await AddMessageAsync(database, new MessageKey(2, 2), TrackingLevel.Full);
        await database.StoreAsync(SomeEvents.Batch(
            database.Edge, 1,
            [
                database.Event() with { Message = strict },
                database.Event() with { Message = new MessageKey(2, 2) },
                database.Event() with { Message = new MessageKey(3, 3) },
            ]));

        Assert.Equal(3, await database.CountEventsAsync());
        Assert.Equal(strict.ToBytes(), await database.ScalarAsync(
            "SELECT message_key FROM ingest.events WHERE client_address IS NULL AND user_agent IS NULL"));
        Assert.Equal(2, await database.CountAsync("ingest.events WHERE client_address IS NOT NULL"));
    }

    [Fact]
    public async Task Events_of_a_deleted_cluster_are_stored_under_its_last_settings()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var deleted = new ClusterId(database.Cluster.Value ^ 1);
        await database.AddClusterAsync(deleted, new ClusterSettings { AddressPolicy = AddressPolicy.None }, true);

        for (var sequence = 1; sequence <= 2; sequence++)
        {
            await database.StoreAsync(SomeEvents.Batch(
                database.Edge, sequence, [database.Event() with { Cluster = deleted }]));
        }

        Assert.Equal(2, await database.CountEventsAsync());
        Assert.Equal(0, await database.CountAsync("ingest.events WHERE client_address IS NOT NULL"));
    }

    [Theory]
    [InlineData("""{"addressPolicy":"of a newer version"}""", true)]
    [InlineData("""{"addressPolicy":"of a newer version"}""", false)]
    [InlineData("""{"retentionMonths":2147483647,"addressPolicy":"full"}""", true)]
    [InlineData("""{"retentionMonths":2147483647,"addressPolicy":"full"}""", false)]
    [InlineData("""{"retentionMonths":-2147483648,"addressPolicy":"full"}""", true)]
    [InlineData("""{"retentionMonths":1e99}""", true)]
    [InlineData("""{"excludedDomains":null,"addressPolicy":"full"}""", true)]
    [InlineData("null", true)]
    [InlineData("[]", true)]
    [InlineData("7", false)]
    public async Task Unreadable_settings_remove_personal_data_of_their_own_cluster_only(
        string settings, bool isDeleted)
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var unreadable = new ClusterId(database.Cluster.Value ^ 1);
        await database.AddClusterAsync(unreadable, new ClusterSettings(), isDeleted);
        await database.ExecuteAsync(
            "UPDATE management.clusters SET settings = $1::jsonb WHERE id = $2", settings, unreadable.Value);
        for (var sequence = 1; sequence <= 2; sequence++)
        {
            Assert.Equal(StoreOutcome.Stored, await database.StoreAsync(SomeEvents.Batch(
                database.Edge, sequence, [database.Event() with { Cluster = unreadable }, database.Event()])));

            // First the directory does not know the cluster. After the refresh it does, unless the cluster is deleted.
            await database.Directory.RefreshAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(4, await database.CountEventsAsync());
        Assert.Equal(2, await database.CountAsync(
            "ingest.events WHERE client_address IS NOT NULL AND user_agent IS NOT NULL"));
        Assert.Equal(0, await database.CountAsync(
            $"ingest.events WHERE cluster_id = {unreadable.Value} AND (client_address, user_agent) IS DISTINCT FROM (NULL, NULL)"));
        Assert.Contains(
            $"cluster {unreadable} cannot be read at $", Assert.Single(database.Log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_of_a_cluster_that_the_directory_has_not_read_yet_are_stored()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        var young = new ClusterId(database.Cluster.Value ^ 1);
        await database.AddClusterAsync(young, new ClusterSettings());

        await database.StoreAsync(SomeEvents.Batch(database.Edge, 1, [database.Event() with { Cluster = young }]));

        Assert.Equal(1, await database.CountEventsAsync());
    }

    [Fact]
    public async Task User_agents_of_any_bytes_are_stored_as_text()
    {
        await using var database = await IngestDatabase.CreateAsync(server);
        byte[][] agents = [[.. "a\0b\u0001c"u8], [.. "Grüße 😀"u8], [(byte)'x', 0xe4, 0], [0xed, 0xa0, 0x80], []];
        Assert.Equal(StoreOutcome.Stored, await database.StoreAsync(SomeEvents.Batch(
            database.Edge, 1, agents.Select((agent, i) => database.Event() with
            {
                UserAgent = agent,
                Ordinal = (ushort)i,
            }))));

        Assert.Equal(
            new[] { "a\uFFFDb\uFFFDc", "Grüße 😀", "xä\uFFFD", "í\u00a0\u0080", null },
            await database.ScalarAsync("SELECT array_agg(user_agent ORDER BY ordinal) FROM ingest.events"));
    }

    private static Task AddMessageAsync(IngestDatabase database, MessageKey key, TrackingLevel level) =>
        database.ExecuteAsync(
            """
            INSERT INTO rewrite.messages (cluster_id, message_key, id_hash, content_hash, message_id, tracking_level,
                host, link_count, opens_tracked, link_map)
            VALUES ($1, $2, '', '', '', $3, '', 0, false, '')
            """,
            database.Cluster.Value, key.ToBytes(), (short)level);
}

using Npgsql;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Database;

public sealed class CreateMonthTests(TestPostgres server)
{
    [Theory]
    [InlineData("UTC")]
    [InlineData("Pacific/Kiritimati")] // 14 hours ahead
    [InlineData("Pacific/Pago_Pago")] // 11 hours behind
    [InlineData("Asia/Kathmandu")] // 5:45
    [InlineData("Australia/Lord_Howe")] // half an hour of summer time
    public async Task The_bounds_of_a_month_are_its_first_moments_in_UTC_whatever_the_zone(string zone)
    {
        await using var database = await SomeDatabase.CreateAsync(server);
        await using var connection = await database.DataSource.OpenConnectionAsync(
            TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(
            $"""
            SET TimeZone = '{zone}';
            SELECT ingest.create_month('2031-03-31 23:59:59.999999+00');
            SELECT ingest.create_month('2031-02-01 00:00:00+00')
            """, connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        Assert.Equal(
            [$"FOR VALUES FROM ('{Floor(2031, 2)}') TO ('{Floor(2031, 3)}')"], await BoundsAsync(database, "2031_02"));
        Assert.Equal(
            [$"FOR VALUES FROM ('{Floor(2031, 3)}') TO ('{Floor(2031, 4)}')"], await BoundsAsync(database, "2031_03"));
    }

    [Fact]
    public async Task A_month_is_made_once_also_by_many_at_once()
    {
        await using var database = await SomeDatabase.CreateAsync(server);
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(
            () => database.ScalarAsync<bool>("SELECT ingest.create_month('2031-03-05Z')"))));

        Assert.Equal(1, made.Count(created => created));
        Assert.False(await database.ScalarAsync<bool>("SELECT ingest.create_month('2031-03-05Z')"));
    }

    [Fact]
    public async Task Only_the_rows_of_a_new_month_move_into_its_partition()
    {
        await using var database = await SomeDatabase.CreateAsync(server);
        var lastInside = new DateTimeOffset(2031, 3, 31, 23, 59, 59, 999, default);
        var lastBefore = new DateTimeOffset(2031, 2, 28, 23, 59, 59, 999, default);
        Guid[] inside = [Floor(2031, 3), Guid.CreateVersion7(lastInside)];
        Guid[] outside = [Guid.CreateVersion7(lastBefore), Floor(2031, 4)];
        foreach (var id in inside.Concat(outside))
        {
            await database.ExecuteAsync(
                $$"""
                INSERT INTO ingest.events (id, occurred_at, kind, method, cluster_id, message_key, link_id, ordinal,
                    verdict, reasons)
                VALUES ('{{id}}', now(), 0, 0, 1, '', 0, 0, 0, '{}')
                """);
        }

        Assert.True(await database.ScalarAsync<bool>("SELECT ingest.create_month('2031-03-05Z')"));

        Assert.Equal(
            inside.Select(id => id.ToString()),
            await database.LinesAsync("SELECT id::text FROM ingest.events_2031_03 ORDER BY id"));
        Assert.Equal(
            outside.Select(id => id.ToString()),
            await database.LinesAsync("SELECT id::text FROM ingest.events_default ORDER BY id"));
    }

    [Fact]
    public async Task A_month_has_the_indexes_of_the_table_and_refuses_an_id_twice()
    {
        await using var database = await SomeDatabase.CreateAsync(server);
        await database.ExecuteAsync("SELECT ingest.create_month('2031-03-05Z')");

        Assert.Equal(
            await database.LinesAsync("SELECT indexrelid::regclass::text FROM pg_index "
                + "WHERE indrelid = 'ingest.events'::regclass ORDER BY 1"),
            await database.LinesAsync(
                """
                SELECT i.inhparent::regclass::text FROM pg_index x JOIN pg_inherits i ON i.inhrelid = x.indexrelid
                WHERE x.indrelid = 'ingest.events_2031_03'::regclass ORDER BY 1
                """));
        Assert.Equal(1L, await database.ScalarAsync<long>(
            "SELECT count(*) FROM pg_index WHERE indrelid = 'ingest.events_2031_03'::regclass AND indisprimary"));
    }

    [Theory]
    [InlineData("1970-01-01 00:00:00+00", "00000000-0000-0000-0000-000000000000")]
    [InlineData("1969-07-20 20:17:40+00", "00000000-0000-0000-0000-000000000000")]
    [InlineData("1970-01-01 00:00:00.0019+00", "00000000-0001-0000-0000-000000000000")]
    [InlineData("2022-02-22 19:22:22+00", "017f22e2-79b0-0000-0000-000000000000")] // RFC 9562, A.6
    public async Task The_floor_of_a_moment_is_its_millisecond_and_zeros(string moment, string expected)
    {
        await using var database = await SomeDatabase.CreateAsync(server);
        Assert.Equal(Guid.Parse(expected), await database.ScalarAsync<Guid>(
            $"SET TimeZone = 'Asia/Kathmandu'; SELECT ingest.uuidv7_floor('{moment}')"));
    }

    private static Guid Floor(int year, int month)
    {
        var millis = new DateTimeOffset(year, month, 1, 0, 0, 0, default).ToUnixTimeMilliseconds();
        return Guid.Parse($"{millis:x12}{new string('0', 20)}");
    }

    private static Task<List<string>> BoundsAsync(SomeDatabase database, string month) => database.LinesAsync(
        $"SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = 'ingest.events_{month}'::regclass");
}

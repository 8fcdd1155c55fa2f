using System.Net;
using System.Net.Sockets;
using Npgsql;
using Tracking.Database;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Database;

/// <summary>Real exceptions of Npgsql and PostgreSQL. The tests of all SQLSTATEs are in
/// <c>Database.Tests</c>.</summary>
public sealed class StoreAwayTests(TestPostgres server)
{
    [Theory]
    [InlineData("SELECT pg_terminate_backend(pg_backend_pid())")]
    [InlineData("BEGIN READ ONLY; CREATE TABLE refused ()")]
    [InlineData("SET statement_timeout = 1; SELECT pg_sleep(60)")]
    public async Task A_server_that_ends_the_statement_counts_as_away(string sql) =>
        Assert.Equal(StoreFault.Away, StoreAway.FaultOf(await FailureAsync(await DatabaseAsync(), sql)));

    [Theory]
    [InlineData("SELECT 1 / 0")]
    [InlineData("SELECT 'a' || chr(0)")]
    [InlineData("CREATE TEMP TABLE once (id int PRIMARY KEY); INSERT INTO once VALUES (1), (1)")]
    public async Task Refused_content_does_not_count_as_away(string sql) =>
        Assert.Equal(StoreFault.Content, StoreAway.FaultOf(await FailureAsync(await DatabaseAsync(), sql)));

    [Theory]
    [InlineData("SELECT * FROM there_is_no_such_table")]
    [InlineData("SELEKT")]
    public async Task A_wrong_schema_or_statement_counts_as_unfit(string sql) =>
        Assert.Equal(StoreFault.Unfit, StoreAway.FaultOf(await FailureAsync(await DatabaseAsync(), sql)));

    [Theory]
    [InlineData("Database", "there_is_no_such_database")]
    [InlineData("Username", "there_is_no_such_role")]
    [InlineData("Host", "no-such-host.invalid")]
    public async Task A_refused_connection_or_login_counts_as_away(string setting, string value)
    {
        var connection = new NpgsqlConnectionStringBuilder(await DatabaseAsync()) { [setting] = value };

        Assert.True(StoreAway.Is(await FailureAsync(connection.ConnectionString, "SELECT 1")));
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_away() =>
        Assert.True(StoreAway.Is(await FailureAsync("Host=127.0.0.1;Port=1;Username=nobody", "SELECT 1")));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_connection_that_is_closed_or_reset_is_away(bool isReset)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var failing = FailureAsync(
            $"Host=127.0.0.1;Port={((IPEndPoint)listener.LocalEndpoint).Port};Username=nobody;SSL Mode=Disable",
            "SELECT 1");
        using (var accepted = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken))
        {
            accepted.LingerState = new LingerOption(isReset, 0);
        }

        Assert.True(StoreAway.Is(await failing));
    }

    private Task<string> DatabaseAsync() => server.CreateEmptyDatabaseAsync(TestContext.Current.CancellationToken);

    private static async Task<Exception> FailureAsync(string connectionString, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        return await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await using var command = source.CreateCommand(sql);
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        });
    }
}

using System.Globalization;
using MySqlConnector;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Cli;

/// <summary>The tables of Postal that an import reads, with the columns of Postal's public schema, in a real
/// MariaDB.</summary>
public sealed class SomePostal : IAsyncLifetime
{
    private readonly TestMariaDb _server = new();

    public int Port => _server.Port;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string ConnectionString => new MySqlConnectionStringBuilder
    {
        Server = "127.0.0.1",
        Port = (uint)Port,
        UserID = TestMariaDb.User,
        Password = TestMariaDb.Password,
        AllowUserVariables = true,
        DefaultCommandTimeout = 300,
    }.ConnectionString;

    public async ValueTask InitializeAsync() => await _server.StartAsync(CancellationToken.None);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <summary>An empty main database.</summary>
    public Task CreateMainAsync(string name) => ExecuteAsync(
        $"""
        CREATE DATABASE `{name}` CHARACTER SET utf8mb4;
        CREATE TABLE `{name}`.organizations (id int PRIMARY KEY, permalink varchar(255), name varchar(255));
        CREATE TABLE `{name}`.servers (id int PRIMARY KEY, organization_id int, name varchar(255),
            permalink varchar(255), token varchar(255), deleted_at datetime);
        CREATE TABLE `{name}`.domains (id int PRIMARY KEY, server_id int, name varchar(255), owner_type varchar(255),
            owner_id int);
        CREATE TABLE `{name}`.track_domains (id int AUTO_INCREMENT PRIMARY KEY, uuid varchar(255), server_id int,
            domain_id int, name varchar(255), dns_checked_at datetime, dns_status varchar(255), dns_error varchar(255),
            created_at datetime, updated_at datetime, ssl_enabled tinyint(1) DEFAULT 1, track_clicks tinyint(1) DEFAULT 1,
            track_loads tinyint(1) DEFAULT 1, excluded_click_domains text);
        INSERT INTO `{name}`.organizations VALUES (1, 'acme', 'Acme');
        """);

    /// <summary>An empty message database of a server.</summary>
    public Task CreateMessagesAsync(string prefix, int server) => ExecuteAsync(
        $"""
        CREATE DATABASE `{prefix}-server-{server}` CHARACTER SET utf8mb4;
        CREATE TABLE `{prefix}-server-{server}`.messages (id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY,
            token varchar(255), scope varchar(10), rcpt_to varchar(255), mail_from varchar(255), subject varchar(255),
            message_id varchar(255), timestamp decimal(18,6), domain_id int(11), tag varchar(255),
            loaded decimal(18,6), clicked decimal(18,6), tracked_links int(11) DEFAULT 0, tracked_images int(11) DEFAULT 0,
            parsed tinyint(4) DEFAULT 0);
        CREATE TABLE `{prefix}-server-{server}`.links (id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY,
            message_id int(11), token varchar(255), hash varchar(255), url text, timestamp decimal(18,6),
            KEY on_message_id (message_id), KEY on_token (token(8)));
        """);

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new MySqlConnection(ConnectionString);
        await connection.OpenAsync(Cancelled);
        await using var command = new MySqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    /// <summary>The options with which trackctl connects.</summary>
    public string[] Options(string database, string passwordFile) =>
    [
        "--db-port", Port.ToString(CultureInfo.InvariantCulture), "--db-user", TestMariaDb.User,
        "--db-password-file", passwordFile, "--database", database, "--message-prefix", database,
    ];
}

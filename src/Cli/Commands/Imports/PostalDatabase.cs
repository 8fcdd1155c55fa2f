using System.Runtime.CompilerServices;
using MySqlConnector;

namespace Tracking.Cli.Commands.Imports;

/// <summary>A tracking domain of a Postal installation, with its mail server.</summary>
/// <param name="ServerId">The server's id, which names its message database.</param>
/// <param name="ServerToken">The server's part of each tracking URL.</param>
/// <param name="Server">The server's name for people: organization/server.</param>
/// <param name="DomainId">The sending domain whose mail uses the tracking domain.</param>
/// <param name="Host">The full host name.</param>
/// <param name="Status">The result of Postal's last check of DNS: <c>OK</c>, <c>Missing</c>, <c>Invalid</c>.</param>
/// <param name="IsHttps">Whether links on the domain are https.</param>
/// <param name="TracksClicks">Whether clicks are tracked.</param>
/// <param name="TracksOpens">Whether opens are tracked.</param>
/// <param name="Excluded">Destinations that are not tracked, one per line.</param>
internal sealed record PostalDomain(
    int ServerId,
    string ServerToken,
    string Server,
    int DomainId,
    string Host,
    string? Status,
    bool IsHttps,
    bool TracksClicks,
    bool TracksOpens,
    string Excluded);

/// <summary>A link or an open pixel of a Postal server.</summary>
/// <param name="Id">The row's id.</param>
/// <param name="Token">The last part of its URL.</param>
/// <param name="Url">The link's destination; <see langword="null"/> for an open pixel.</param>
/// <param name="MessageId">The message's id. The message may already be deleted.</param>
/// <param name="DomainId">The message's sending domain.</param>
/// <param name="Recipient">The envelope recipient.</param>
/// <param name="Sender">The envelope sender.</param>
/// <param name="Tag">The message's tag.</param>
/// <param name="SentAt">When the message was sent.</param>
internal sealed record PostalRow(
    long Id,
    string? Token,
    string? Url,
    long? MessageId,
    int? DomainId,
    string? Recipient,
    string? Sender,
    string? Tag,
    DateTimeOffset? SentAt);

/// <summary>
/// Reads the MariaDB or MySQL of a Postal installation: the main database and each server's message database. Rows are
/// read in pages by their id, so that statements are short, no lock is held, and memory does not grow.
/// </summary>
internal sealed class PostalDatabase(MySqlConnection connection, string mainDatabase, string messagePrefix)
    : IAsyncDisposable
{
    private const int PageRows = 5_000;

    /// <summary>Opens the connection.</summary>
    /// <exception cref="MySqlException">The server is not reachable or refuses.</exception>
    public Task OpenAsync(CancellationToken cancellationToken) => connection.OpenAsync(cancellationToken);

    /// <summary>All tracking domains of servers that are not deleted.</summary>
    public async Task<List<PostalDomain>> ReadDomainsAsync(CancellationToken cancellationToken)
    {
        await using var command = new MySqlCommand(
            $"""
            SELECT s.id, s.token, concat(coalesce(o.permalink, '?'), '/', s.permalink), t.domain_id,
                lower(concat(t.name, '.', d.name)), t.dns_status, coalesce(t.ssl_enabled, 1), coalesce(t.track_clicks, 1),
                coalesce(t.track_loads, 1), coalesce(t.excluded_click_domains, '')
            FROM {Main}.track_domains t
            JOIN {Main}.domains d ON d.id = t.domain_id
            JOIN {Main}.servers s ON s.id = t.server_id
            LEFT JOIN {Main}.organizations o ON o.id = s.organization_id
            WHERE s.deleted_at IS NULL
            ORDER BY s.id, t.id
            """,
            connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var domains = new List<PostalDomain>();
        while (await reader.ReadAsync(cancellationToken))
        {
            domains.Add(new PostalDomain(
                reader.GetInt32(0),
                reader.GetString(1),
                reader.GetString(2),
                reader.GetInt32(3),
                reader.GetString(4),
                Text(reader, 5),
                Convert.ToBoolean(reader.GetValue(6), null),
                Convert.ToBoolean(reader.GetValue(7), null),
                Convert.ToBoolean(reader.GetValue(8), null),
                reader.GetString(9)));
        }

        return domains;
    }

    /// <summary>Servers that are not deleted: the id, and the name for people.</summary>
    public async Task<List<(int Id, string Server)>> ReadServersAsync(CancellationToken cancellationToken)
    {
        await using var command = new MySqlCommand(
            $"""
            SELECT s.id, concat(coalesce(o.permalink, '?'), '/', s.permalink)
            FROM {Main}.servers s LEFT JOIN {Main}.organizations o ON o.id = s.organization_id
            WHERE s.deleted_at IS NULL ORDER BY s.id
            """,
            connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var servers = new List<(int Id, string Server)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            servers.Add((reader.GetInt32(0), reader.GetString(1)));
        }

        return servers;
    }

    /// <summary>The links of a server after an id.</summary>
    public IAsyncEnumerable<PostalRow> ReadLinksAsync(int server, long after, CancellationToken cancellationToken) =>
        ReadAsync(
            $"""
            SELECT l.id, l.token, l.url, l.message_id, m.domain_id, m.rcpt_to, m.mail_from, m.tag, m.timestamp
            FROM {Messages(server)}.links l
            LEFT JOIN {Messages(server)}.messages m ON m.id = l.message_id
            WHERE l.id > @after ORDER BY l.id LIMIT {PageRows}
            """,
            after,
            cancellationToken);

    /// <summary>The messages of a server after an id that may contain an open pixel. Messages that Postal has not
    /// parsed yet may contain one.</summary>
    public IAsyncEnumerable<PostalRow> ReadOpensAsync(int server, long after, CancellationToken cancellationToken) =>
        ReadAsync(
            $"""
            SELECT m.id, m.token, NULL, m.id, m.domain_id, m.rcpt_to, m.mail_from, m.tag, m.timestamp
            FROM {Messages(server)}.messages m
            WHERE m.id > @after AND m.scope = 'outgoing'
                AND (m.tracked_images > 0 OR m.parsed = 0 OR m.parsed IS NULL)
            ORDER BY m.id LIMIT {PageRows}
            """,
            after,
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private string Main => Quoted(mainDatabase);

    private string Messages(int server) => Quoted($"{messagePrefix}-server-{server}");

    private static string Quoted(string name) => $"`{name.Replace("`", "``", StringComparison.Ordinal)}`";

    private async IAsyncEnumerable<PostalRow> ReadAsync(
        string sql, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var count = PageRows; count == PageRows;)
        {
            var page = await ReadPageAsync(sql, after, cancellationToken);
            foreach (var row in page)
            {
                yield return row;
            }

            (count, after) = (page.Count, page.Count == 0 ? after : page[^1].Id);
        }
    }

    // Reads a whole page at once: the server closes the connection when its answer is not read for a minute.
    private async Task<List<PostalRow>> ReadPageAsync(string sql, long after, CancellationToken cancellationToken)
    {
        await using var command = new MySqlCommand(sql, connection);
        command.Parameters.AddWithValue("@after", after);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var page = new List<PostalRow>();
        while (await reader.ReadAsync(cancellationToken))
        {
            page.Add(new PostalRow(
                reader.GetInt64(0),
                Text(reader, 1),
                Text(reader, 2),
                reader.IsDBNull(3) ? null : reader.GetInt64(3),
                reader.IsDBNull(4) ? null : reader.GetInt32(4),
                Text(reader, 5),
                Text(reader, 6),
                Text(reader, 7),
                reader.IsDBNull(8) ? null : Moment(reader.GetDecimal(8))));
        }

        return page;
    }

    private static string? Text(MySqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetString(column);

    // The value is in seconds since 1970.
    private static DateTimeOffset? Moment(decimal seconds) =>
        seconds is >= 0 and < 253_402_300_800m
            ? DateTimeOffset.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond))
            : null;
}

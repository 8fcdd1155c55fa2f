using System.Globalization;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Rewrite.Registration;

/// <summary>
/// Writes a batch in one round trip: new destinations and messages, in one implicit transaction. If some rows existed
/// before, for example when a message is sent again, a second round trip reads all of them. Rows are inserted in key
/// order, so that two rewriters that register the same campaign cannot deadlock.
/// <para>A returned row is not stored yet: the server reports the commit behind all rows. So returned rows are kept
/// aside until the commit is reported.</para>
/// </summary>
internal static class RegistrationSql
{
    // Identifies the state of the database that answers. Another server, even one hidden behind a pooler, has another
    // start time, and so has the same server on other files. A dump that was restored under this name is another
    // database, whose files are in another folder; a dump restored in place has other files. The state is read with
    // each message: a separate statement would cost a tenth of a registration. So it identifies the server that took
    // the rows. The last one counts, because it is read behind all rows, which may have waited.
    private const string State =
        "pg_postmaster_start_time(), pg_relation_filepath('links.destinations'), pg_relation_filepath('rewrite.messages')";

    private const string ReadState = $"SELECT {State}";

    // The state's column in a message's row.
    private const int StateColumn = 4;

    private const string InsertDestinations =
        """
        INSERT INTO links.destinations (cluster_id, link_id, url_hash, salt, url)
        SELECT * FROM unnest($1::int[], $2::bigint[], $3::bytea[], $4::smallint[], $5::text[])
        ON CONFLICT DO NOTHING
        RETURNING cluster_id, link_id, url_hash
        """;

    // LIMIT keeps both queries look-ups by key for each row.
    private const string ReadDestinations =
        """
        SELECT d.*
        FROM unnest($1::int[], $2::bigint[]) AS i(cluster_id, link_id)
        CROSS JOIN LATERAL (SELECT cluster_id, link_id, url_hash FROM links.destinations
            WHERE cluster_id = i.cluster_id AND link_id = i.link_id LIMIT 1) AS d
        """;

    private static readonly string _isStricter =
        TrackingLevels.IsStricterSql("excluded.tracking_level", "m.tracking_level");

    // The same message under other settings keeps its key, and its row has the latest form that left. The level only
    // becomes stricter: sending a message again does not undo an earlier opt-out.
    private static readonly string _insertMessages =
        $$"""
        INSERT INTO rewrite.messages AS m (cluster_id, message_key, id_hash, salt, content_hash, message_id, sender,
            recipient, recipient_domain, tags, tracking_level, host, sent_at, link_count, opens_tracked, link_map,
            trace, is_test, system_links, left_plain)
        SELECT cluster_id, message_key, id_hash, salt, content_hash, message_id, CASE WHEN NOT withdrew THEN sender END,
            CASE WHEN NOT withdrew THEN recipient END, recipient_domain,
            coalesce(string_to_array(tags, E'\x1f'), '{}'),
            CASE WHEN withdrew THEN {{(short)TrackingLevel.Off}}::smallint ELSE tracking_level END, host, sent_at,
            link_count, opens_tracked, link_map, trace, is_test, string_to_array(system_links, ',')::smallint[],
            left_plain::jsonb
        FROM unnest($1::int[], $2::bytea[], $3::bytea[], $4::smallint[], $5::bytea[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::smallint[], $12::text[], $13::timestamptz[], $14::int[],
            $15::bool[], $16::bytea[], $17::bytea[], $18::bytea[], $19::bool[], $20::text[], $21::text[])
            AS i(cluster_id, message_key, id_hash, salt, content_hash, message_id, sender, recipient, recipient_domain,
                tags, tracking_level, host, sent_at, link_count, opens_tracked, link_map, trace, recipient_hash,
                is_test, system_links, left_plain),
            LATERAL rewrite.has_withdrawn(cluster_id, recipient_hash) AS withdrew
        ON CONFLICT (cluster_id, message_key) DO UPDATE
            SET link_map = excluded.link_map, link_count = excluded.link_count,
                opens_tracked = excluded.opens_tracked, host = excluded.host,
                system_links = excluded.system_links, left_plain = excluded.left_plain,
                tracking_level = CASE WHEN {{_isStricter}} THEN excluded.tracking_level ELSE m.tracking_level END,
                recipient = CASE WHEN excluded.tracking_level = 0 THEN m.recipient END
            WHERE m.id_hash = excluded.id_hash AND m.content_hash = excluded.content_hash
                AND ((m.link_map, m.opens_tracked, m.host, m.system_links, m.left_plain)
                        IS DISTINCT FROM (excluded.link_map, excluded.opens_tracked, excluded.host,
                            excluded.system_links, excluded.left_plain)
                    OR {{_isStricter}})
        RETURNING cluster_id, message_key, id_hash, content_hash, {{State}}
        """;

    private const string ReadMessages =
        """
        SELECT m.*
        FROM unnest($1::int[], $2::bytea[]) AS i(cluster_id, message_key)
        CROSS JOIN LATERAL (SELECT cluster_id, message_key, id_hash, content_hash FROM rewrite.messages
            WHERE cluster_id = i.cluster_id AND message_key = i.message_key LIMIT 1) AS m
        """;

    /// <summary>Writes the rows that are not settled, and settles the committed rows.</summary>
    /// <returns>The state of the database that has the rows: equal texts mean equal states.</returns>
    public static async Task<string> ExecuteAsync(
        NpgsqlDataSource dataSource, List<PendingRegistration> pending, CancellationToken cancellationToken)
    {
        // The row that is stored under a key decides for every registration with that key. Settled rows are left out.
        var links = pending
            .SelectMany(p => p.NewLinks, (p, link) => (p.Registration.Cluster, Link: link))
            .Where(entry => !entry.Link.IsSettled)
            .GroupBy(entry => (entry.Cluster.Value, entry.Link.Id.ToInt64()), entry => entry.Link)
            .ToDictionary(alike => alike.Key, alike => alike.ToList());
        var messages = pending
            .Where(p => !p.IsMessageSettled)
            .GroupBy(p => (p.Registration.Cluster.Value, p.Message))
            .ToDictionary(alike => alike.Key, alike => alike.ToList());
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);

        await using var insert = new NpgsqlBatch(connection);
        if (links.Count > 0)
        {
            insert.BatchCommands.Add(Insert([.. links.OrderBy(link => link.Key)]));
        }

        if (messages.Count > 0)
        {
            insert.BatchCommands.Add(Insert([.. messages.OrderBy(m => m.Key).Select(m => m.Value[0])]));
        }

        // Prepared once per connection: for a few messages, planning the statements costs as much as executing them.
        await insert.PrepareAsync(cancellationToken);
        var inserted = await ReadAsync(insert, links.Count, messages.Count, cancellationToken);
        if (inserted.State is { } state && inserted.Links.Count == links.Count)
        {
            Settle(inserted, links, messages);
            return state;
        }

        // Reads all rows with the state, and not only the missing rows: behind a pooler another server may answer. Not
        // prepared: a plan made for a small table would be kept when the table is large. A transaction of its own sees
        // exactly what others have committed.
        await using var read = new NpgsqlBatch(connection);
        if (links.Count > 0)
        {
            read.BatchCommands.Add(Command(
                ReadDestinations,
                (links.Keys.Select(key => key.Item1).ToArray(), NpgsqlDbType.Integer),
                (links.Keys.Select(key => key.Item2).ToArray(), NpgsqlDbType.Bigint)));
        }

        if (messages.Count > 0)
        {
            read.BatchCommands.Add(Command(
                ReadMessages,
                (messages.Keys.Select(key => key.Value).ToArray(), NpgsqlDbType.Integer),
                (messages.Keys.Select(key => key.Message.ToBytes()).ToArray(), NpgsqlDbType.Bytea)));
        }

        read.BatchCommands.Add(new NpgsqlBatchCommand(ReadState));
        var stood = await ReadAsync(read, links.Count, messages.Count, cancellationToken);
        Settle(stood, links, messages);
        return stood.State!;
    }

    /// <summary>Reads to the end: when this returns, the transaction has committed. An error of the last statement or
    /// of the commit arrives behind the rows.</summary>
    private static async Task<ReturnedRows> ReadAsync(
        NpgsqlBatch batch, int links, int messages, CancellationToken cancellationToken)
    {
        var answer = new ReturnedRows();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (links > 0)
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                answer.Links.Add(((reader.GetInt32(0), reader.GetInt64(1)), reader.GetFieldValue<byte[]>(2)));
            }

            if (messages > 0)
            {
                await reader.NextResultAsync(cancellationToken);
            }
        }

        while (messages > 0 && await reader.ReadAsync(cancellationToken))
        {
            answer.Messages.Add((
                (reader.GetInt32(0), MessageKey.Read(reader.GetFieldValue<byte[]>(1))),
                reader.GetFieldValue<byte[]>(2),
                reader.GetFieldValue<byte[]>(3)));
            if (answer.Messages.Count == messages && reader.FieldCount > StateColumn)
            {
                answer.State = StateAt(reader, StateColumn);
            }
        }

        while (await reader.NextResultAsync(cancellationToken))
        {
            if (await reader.ReadAsync(cancellationToken))
            {
                answer.State = StateAt(reader, 0);
            }
        }

        return answer;
    }

    private static string StateAt(NpgsqlDataReader reader, int column) => string.Create(
        CultureInfo.InvariantCulture,
        $"{reader.GetDateTime(column).Ticks} {reader.GetValue(column + 1)} {reader.GetValue(column + 2)}");

    private static void Settle(
        ReturnedRows answer,
        Dictionary<(int Cluster, long Id), List<PendingLink>> links,
        Dictionary<(int Cluster, MessageKey Message), List<PendingRegistration>> messages)
    {
        foreach (var (key, hash) in answer.Links)
        {
            if (links.Remove(key, out var alike))
            {
                alike.ForEach(link => link.Settle(hash));
            }
        }

        foreach (var (key, idHash, contentHash) in answer.Messages)
        {
            if (messages.Remove(key, out var alike))
            {
                alike.ForEach(message => message.SettleMessage(idHash, contentHash));
            }
        }
    }

    /// <summary>The returned rows.</summary>
    private sealed class ReturnedRows
    {
        /// <summary>The state of the database that returned the rows; <see langword="null"/> when a message was not
        /// returned.</summary>
        public string? State { get; set; }

        public List<((int Cluster, long Id) Key, byte[] Hash)> Links { get; } = [];

        public List<((int Cluster, MessageKey Message) Key, byte[] IdHash, byte[] ContentHash)> Messages { get; } = [];
    }

    private static NpgsqlBatchCommand Insert(KeyValuePair<(int Cluster, long Id), List<PendingLink>>[] links) =>
        Command(
        InsertDestinations,
        (Array.ConvertAll(links, l => l.Key.Cluster), NpgsqlDbType.Integer),
        (Array.ConvertAll(links, l => l.Key.Id), NpgsqlDbType.Bigint),
        (Array.ConvertAll(links, l => l.Value[0].Hash), NpgsqlDbType.Bytea),
        (Array.ConvertAll(links, l => (short)l.Value[0].Salt), NpgsqlDbType.Smallint),
        (Array.ConvertAll(links, l => Encoding.ASCII.GetString(l.Value[0].Url)), NpgsqlDbType.Text));

    private static NpgsqlBatchCommand Insert(PendingRegistration[] rows) => Command(
        _insertMessages,
        (Array.ConvertAll(rows, p => p.Registration.Cluster.Value), NpgsqlDbType.Integer),
        (Array.ConvertAll(rows, p => p.Message.ToBytes()), NpgsqlDbType.Bytea),
        (Array.ConvertAll(rows, p => p.IdHash), NpgsqlDbType.Bytea),
        (Array.ConvertAll(rows, p => (short)p.MessageSalt), NpgsqlDbType.Smallint),
        (Array.ConvertAll(rows, p => p.Registration.ContentHash), NpgsqlDbType.Bytea),
        (Array.ConvertAll(rows, p => p.Registration.MessageId), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => Sender(p.Registration)), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => Recipient(p.Registration)), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => RecipientDomain(p.Registration)), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => Tags(p.Registration)), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => (short)p.Registration.Level), NpgsqlDbType.Smallint),
        (Array.ConvertAll(rows, p => p.Registration.Host), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => p.Registration.SentAt?.ToUniversalTime()), NpgsqlDbType.TimestampTz),
        (Array.ConvertAll(rows, p => p.Registration.Destinations.Length), NpgsqlDbType.Integer),
        (Array.ConvertAll(rows, p => p.Registration.OpensTracked), NpgsqlDbType.Boolean),
        (Array.ConvertAll(rows, p => p.Registration.LinkMap), NpgsqlDbType.Bytea),
        (Array.ConvertAll(rows, p => p.Registration.Trace), NpgsqlDbType.Bytea),
        (Array.ConvertAll(rows, p => p.Registration.RecipientHash), NpgsqlDbType.Bytea),
        (Array.ConvertAll(rows, p => p.Registration.IsTest), NpgsqlDbType.Boolean),
        (Array.ConvertAll(rows, p => SystemLinks(p.Registration)), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => p.Registration.LeftPlain), NpgsqlDbType.Text));

    private static NpgsqlBatchCommand Command(string sql, params (Array Values, NpgsqlDbType Element)[] parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var (values, element) in parameters)
        {
            command.Parameters.Add(new() { Value = values, NpgsqlDbType = NpgsqlDbType.Array | element });
        }

        return command;
    }

    private static string? Recipient(MessageRegistration registration) =>
        registration.Level == TrackingLevel.Full ? registration.Recipient : null;

    // A bounce address may hold the recipient's (VERP).
    private static string? Sender(MessageRegistration registration) =>
        registration.Level != TrackingLevel.Full
        && registration.Recipient?.Split('@')[0].TrimStart('<') is { Length: > 0 } name
        && registration.Sender?.Contains(name, StringComparison.OrdinalIgnoreCase) == true
            ? null
            : registration.Sender;

    private static string? RecipientDomain(MessageRegistration registration) =>
        registration.Recipient?.LastIndexOf('@') is >= 0 and var at
            ? registration.Recipient[(at + 1)..].TrimEnd('>').ToLowerInvariant()
            : null;

    private static string? SystemLinks(MessageRegistration registration) =>
        registration.SystemLinks.Count == 0 ? null : string.Join(',', registration.SystemLinks);

    // An unnest cannot return arrays of different lengths. Tags never contain the unit separator.
    private static string? Tags(MessageRegistration registration) =>
        registration.Tags.Count == 0 ? null : string.Join('\u001f', registration.Tags);
}

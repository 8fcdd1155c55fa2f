using System.Text;
using Npgsql;
using NpgsqlTypes;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Rewrite.Registration;

/// <summary>
/// The one round trip of a batch: new destinations and messages, in one implicit transaction. What stood there before,
/// as when a message is sent again, is read back in a second one. Rows are inserted in key order, so that two rewriters
/// that register the same campaign cannot deadlock.
/// </summary>
internal static class RegistrationSql
{
    private const string InsertDestinations =
        """
        INSERT INTO links.destinations (cluster_id, link_id, url_hash, salt, url)
        SELECT * FROM unnest($1::int[], $2::bigint[], $3::bytea[], $4::smallint[], $5::text[])
        ON CONFLICT DO NOTHING
        RETURNING cluster_id, link_id, url_hash
        """;

    // LIMIT keeps both a look-up by key for each.
    private const string ReadDestinations =
        """
        SELECT d.*
        FROM unnest($1::int[], $2::bigint[]) AS i(cluster_id, link_id)
        CROSS JOIN LATERAL (SELECT cluster_id, link_id, url_hash FROM links.destinations
            WHERE cluster_id = i.cluster_id AND link_id = i.link_id LIMIT 1) AS d
        """;

    // The same message under other settings keeps its key; its row follows the latest form that left. The level only
    // ever becomes stricter: an opt-out that was once given for a message is not undone by sending it again.
    private const string InsertMessages =
        """
        INSERT INTO rewrite.messages AS m (cluster_id, message_key, id_hash, salt, content_hash, message_id, sender,
            recipient, recipient_domain, tags, tracking_level, host, sent_at, link_count, opens_tracked, link_map,
            trace)
        SELECT cluster_id, message_key, id_hash, salt, content_hash, message_id, sender, recipient, recipient_domain,
            coalesce(string_to_array(tags, E'\x1f'), '{}'), tracking_level, host, sent_at, link_count, opens_tracked,
            link_map, trace
        FROM unnest($1::int[], $2::bytea[], $3::bytea[], $4::smallint[], $5::bytea[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::smallint[], $12::text[], $13::timestamptz[], $14::int[],
            $15::bool[], $16::bytea[], $17::bytea[])
            AS i(cluster_id, message_key, id_hash, salt, content_hash, message_id, sender, recipient, recipient_domain,
                tags, tracking_level, host, sent_at, link_count, opens_tracked, link_map, trace)
        ON CONFLICT (cluster_id, message_key) DO UPDATE
            SET link_map = excluded.link_map, link_count = excluded.link_count,
                opens_tracked = excluded.opens_tracked, host = excluded.host,
                tracking_level = greatest(m.tracking_level, excluded.tracking_level),
                recipient = CASE WHEN excluded.tracking_level = 0 THEN m.recipient END
            WHERE m.id_hash = excluded.id_hash AND m.content_hash = excluded.content_hash
                AND ((m.link_map, m.opens_tracked, m.host)
                        IS DISTINCT FROM (excluded.link_map, excluded.opens_tracked, excluded.host)
                    OR excluded.tracking_level > m.tracking_level)
        RETURNING cluster_id, message_key, id_hash, content_hash
        """;

    private const string ReadMessages =
        """
        SELECT m.*
        FROM unnest($1::int[], $2::bytea[]) AS i(cluster_id, message_key)
        CROSS JOIN LATERAL (SELECT cluster_id, message_key, id_hash, content_hash FROM rewrite.messages
            WHERE cluster_id = i.cluster_id AND message_key = i.message_key LIMIT 1) AS m
        """;

    public static async Task ExecuteAsync(
        NpgsqlDataSource dataSource, List<PendingRegistration> pending, CancellationToken cancellationToken)
    {
        // What stands under a key in the end speaks for all that share it, and what is settled is taken out.
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

        // Once for each connection: planning the statements costs as much as executing them for a few messages.
        await insert.PrepareAsync(cancellationToken);
        await SettleAsync(insert, links, messages, cancellationToken);
        if (links.Count == 0 && messages.Count == 0)
        {
            return;
        }

        // Not prepared: a plan that was made while a table was small would be kept when it is large.
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

        await SettleAsync(read, links, messages, cancellationToken);
    }

    private static async Task SettleAsync(
        NpgsqlBatch batch,
        Dictionary<(int Cluster, long Id), List<PendingLink>> links,
        Dictionary<(int Cluster, MessageKey Message), List<PendingRegistration>> messages,
        CancellationToken cancellationToken)
    {
        var hasLinks = links.Count > 0;
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (hasLinks && await reader.ReadAsync(cancellationToken))
        {
            if (links.Remove((reader.GetInt32(0), reader.GetInt64(1)), out var alike))
            {
                var hash = reader.GetFieldValue<byte[]>(2);
                alike.ForEach(link => link.Settle(hash));
            }
        }

        if (hasLinks)
        {
            await reader.NextResultAsync(cancellationToken);
        }

        while (messages.Count > 0 && await reader.ReadAsync(cancellationToken))
        {
            var key = MessageKey.Read(reader.GetFieldValue<byte[]>(1));
            if (messages.Remove((reader.GetInt32(0), key), out var alike))
            {
                var (idHash, contentHash) = (reader.GetFieldValue<byte[]>(2), reader.GetFieldValue<byte[]>(3));
                alike.ForEach(message => message.SettleMessage(idHash, contentHash));
            }
        }

        // To the end: an error of the last statement comes behind its rows.
        while (await reader.NextResultAsync(cancellationToken))
        {
        }
    }

    private static NpgsqlBatchCommand Insert(KeyValuePair<(int Cluster, long Id), List<PendingLink>>[] links) => Command(
        InsertDestinations,
        (Array.ConvertAll(links, l => l.Key.Cluster), NpgsqlDbType.Integer),
        (Array.ConvertAll(links, l => l.Key.Id), NpgsqlDbType.Bigint),
        (Array.ConvertAll(links, l => l.Value[0].Hash), NpgsqlDbType.Bytea),
        (Array.ConvertAll(links, l => (short)l.Value[0].Salt), NpgsqlDbType.Smallint),
        (Array.ConvertAll(links, l => Encoding.ASCII.GetString(l.Value[0].Url)), NpgsqlDbType.Text));

    private static NpgsqlBatchCommand Insert(PendingRegistration[] rows) => Command(
        InsertMessages,
        (Array.ConvertAll(rows, p => p.Registration.Cluster.Value), NpgsqlDbType.Integer),
        (Array.ConvertAll(rows, p => p.Message.ToBytes()), NpgsqlDbType.Bytea),
        (Array.ConvertAll(rows, p => p.IdHash), NpgsqlDbType.Bytea),
        (Array.ConvertAll(rows, p => (short)p.MessageSalt), NpgsqlDbType.Smallint),
        (Array.ConvertAll(rows, p => p.Registration.ContentHash), NpgsqlDbType.Bytea),
        (Array.ConvertAll(rows, p => p.Registration.MessageId), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => p.Registration.Sender), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => Recipient(p.Registration)), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => RecipientDomain(p.Registration)), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => Tags(p.Registration)), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => (short)p.Registration.Level), NpgsqlDbType.Smallint),
        (Array.ConvertAll(rows, p => p.Registration.Host), NpgsqlDbType.Text),
        (Array.ConvertAll(rows, p => p.Registration.SentAt?.ToUniversalTime()), NpgsqlDbType.TimestampTz),
        (Array.ConvertAll(rows, p => p.Registration.Destinations.Length), NpgsqlDbType.Integer),
        (Array.ConvertAll(rows, p => p.Registration.OpensTracked), NpgsqlDbType.Boolean),
        (Array.ConvertAll(rows, p => p.Registration.LinkMap), NpgsqlDbType.Bytea),
        (Array.ConvertAll(rows, p => p.Registration.Trace), NpgsqlDbType.Bytea));

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

    private static string? RecipientDomain(MessageRegistration registration) =>
        registration.Recipient?.LastIndexOf('@') is >= 0 and var at
            ? registration.Recipient[(at + 1)..].TrimEnd('>').ToLowerInvariant()
            : null;

    // Rows of an unnest cannot hold arrays of different lengths; tags never contain the unit separator.
    private static string? Tags(MessageRegistration registration) =>
        registration.Tags.Count == 0 ? null : string.Join('\u001f', registration.Tags);
}

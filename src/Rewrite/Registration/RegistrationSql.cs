using System.Text;
using Npgsql;
using NpgsqlTypes;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Rewrite.Registration;

/// <summary>
/// The one round trip of a batch: new destinations, the hashes that now stand under their ids, messages, and what now
/// stands under their keys; one implicit transaction. Rows are inserted in key order, so that two rewriters that
/// register the same campaign cannot deadlock.
/// </summary>
internal static class RegistrationSql
{
    private const string InsertDestinations =
        """
        INSERT INTO links.destinations (cluster_id, link_id, url_hash, salt, url)
        SELECT * FROM unnest($1::int[], $2::bigint[], $3::bytea[], $4::smallint[], $5::text[])
        ON CONFLICT DO NOTHING
        """;

    // LIMIT keeps it a look-up by key: a plan made while the table was small, and kept, would otherwise read all of it.
    private const string ReadDestinations =
        """
        SELECT i.n, d.url_hash
        FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS i(cluster_id, link_id, n)
        CROSS JOIN LATERAL (SELECT url_hash FROM links.destinations
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
        """;

    private const string ReadMessages =
        """
        SELECT i.n, m.id_hash, m.content_hash
        FROM unnest($1::int[], $2::bytea[]) WITH ORDINALITY AS i(cluster_id, message_key, n)
        CROSS JOIN LATERAL (SELECT id_hash, content_hash FROM rewrite.messages
            WHERE cluster_id = i.cluster_id AND message_key = i.message_key LIMIT 1) AS m
        """;

    public static async Task ExecuteAsync(
        NpgsqlDataSource dataSource, List<PendingRegistration> pending, CancellationToken cancellationToken)
    {
        var links = pending
            .SelectMany(p => p.NewLinks.Where(l => !l.IsSettled), (p, link) => (p.Registration.Cluster, Link: link))
            .OrderBy(entry => entry.Cluster.Value).ThenBy(entry => entry.Link.Id.ToInt64())
            .ToArray();
        var messages = pending
            .Where(p => !p.IsMessageSettled)
            .OrderBy(p => p.Registration.Cluster.Value).ThenBy(p => p.Message)
            .ToArray();
        // ON CONFLICT DO UPDATE refuses the same key twice in one statement: the first of each key is inserted,
        // all are read back.
        var distinct = messages.DistinctBy(p => (p.Registration.Cluster, p.Message)).ToArray();

        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        if (links.Length > 0)
        {
            AddDestinations(batch, links);
        }

        if (messages.Length > 0)
        {
            AddMessages(batch, distinct, messages);
        }

        // Once for each connection: planning the four statements costs as much as executing them for a few messages.
        await batch.PrepareAsync(cancellationToken);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (links.Length > 0)
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                links[reader.GetInt64(0) - 1].Link.Settle(reader.GetFieldValue<byte[]>(1));
            }

            await reader.NextResultAsync(cancellationToken);
        }

        while (messages.Length > 0 && await reader.ReadAsync(cancellationToken))
        {
            messages[reader.GetInt64(0) - 1].SettleMessage(
                reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<byte[]>(2));
        }
    }

    private static void AddDestinations(NpgsqlBatch batch, (ClusterId Cluster, PendingLink Link)[] links)
    {
        var clusters = Array.ConvertAll(links, l => l.Cluster.Value);
        var ids = Array.ConvertAll(links, l => l.Link.Id.ToInt64());
        batch.BatchCommands.Add(Command(
            InsertDestinations,
            (clusters, NpgsqlDbType.Integer),
            (ids, NpgsqlDbType.Bigint),
            (Array.ConvertAll(links, l => l.Link.Hash), NpgsqlDbType.Bytea),
            (Array.ConvertAll(links, l => (short)l.Link.Salt), NpgsqlDbType.Smallint),
            (Array.ConvertAll(links, l => Encoding.ASCII.GetString(l.Link.Url)), NpgsqlDbType.Text)));
        batch.BatchCommands.Add(Command(
            ReadDestinations, (clusters, NpgsqlDbType.Integer), (ids, NpgsqlDbType.Bigint)));
    }

    private static void AddMessages(NpgsqlBatch batch, PendingRegistration[] rows, PendingRegistration[] all)
    {
        batch.BatchCommands.Add(Command(
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
            (Array.ConvertAll(rows, p => p.Registration.Trace), NpgsqlDbType.Bytea)));
        batch.BatchCommands.Add(Command(
            ReadMessages,
            (Array.ConvertAll(all, p => p.Registration.Cluster.Value), NpgsqlDbType.Integer),
            (Array.ConvertAll(all, p => p.Message.ToBytes()), NpgsqlDbType.Bytea)));
    }

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

using System.Security.Cryptography;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.Links;
using Tracking.Management.Audit;

namespace Tracking.Management.Imports;

/// <summary>
/// Stores imported links in one transaction: destinations as the rewriter stores them, the links, and a row for each of
/// their messages, so that events and statistics have somewhere to go. What is there stays as it is: a link that leads
/// elsewhere is left out. Rows are inserted in key order, so that two imports at once cannot deadlock.
/// </summary>
internal sealed class StoreImportedLinks(
    ApiDataSource dataSource,
    ClusterDirectory clusters,
    WithdrawnRecipient recipients,
    ApplyChange change,
    TimeProvider time)
{
    // As LinkKind, and what is none: a path whose links are told apart by their query.
    private const short Click = (short)LinkKind.Click, Open = (short)LinkKind.Open, Query = -1;

    private const string SelectHosts =
        """
        SELECT hostname, tracking_level FROM domains.tracking_domains
        WHERE cluster_id = $1 AND hostname = ANY ($2) AND deleted_at IS NULL
        """;

    private const string InsertDestinations =
        """
        INSERT INTO links.destinations (cluster_id, link_id, url_hash, salt, url)
        SELECT $1, * FROM unnest($2::bigint[], $3::bytea[], $4::smallint[], $5::text[])
        ON CONFLICT DO NOTHING
        """;

    // LIMIT keeps the queries look-ups by key for each row, here and below.
    private const string SelectDestinations =
        """
        SELECT d.link_id, d.url_hash
        FROM unnest($2::bigint[]) AS i(link_id)
        CROSS JOIN LATERAL (SELECT link_id, url_hash FROM links.destinations
            WHERE cluster_id = $1 AND link_id = i.link_id LIMIT 1) AS d
        """;

    private const string SelectMessages =
        """
        SELECT m.message_key, m.id_hash
        FROM unnest($2::bytea[]) AS i(message_key)
        CROSS JOIN LATERAL (SELECT message_key, id_hash FROM rewrite.messages
            WHERE cluster_id = $1 AND message_key = i.message_key LIMIT 1) AS m
        """;

    private const string InsertLinks =
        """
        INSERT INTO links.imported_links (cluster_id, host, path, kind, message_key, link_id)
        SELECT $1, * FROM unnest($2::text[], $3::text[], $4::smallint[], $5::bytea[], $6::bigint[])
        ON CONFLICT DO NOTHING
        RETURNING host, path
        """;

    private const string SelectLinks =
        """
        SELECT l.host, l.path, l.kind, l.link_id
        FROM unnest($2::text[], $3::text[]) AS i(host, path)
        CROSS JOIN LATERAL (SELECT host, path, kind, link_id FROM links.imported_links
            WHERE cluster_id = $1 AND host = i.host AND path = i.path LIMIT 1) AS l
        """;

    // Rows of an import, which alone have the hash of their id as that of their content, count what is added. It was
    // sent, and so registered, when its sender says, so that figures by day are not all of today.
    private static readonly string _insertMessages =
        $$"""
        INSERT INTO rewrite.messages AS m (cluster_id, message_key, id_hash, salt, content_hash, message_id, sender,
            recipient, recipient_domain, tags, tracking_level, host, sent_at, registered_at, link_count, opens_tracked,
            link_map)
        SELECT $1, message_key, id_hash, salt, id_hash, message_id, CASE WHEN NOT withdrew THEN sender END,
            CASE WHEN NOT withdrew THEN recipient END, recipient_domain,
            coalesce(string_to_array(tags, E'\x1f'), '{}'),
            CASE WHEN withdrew AND level <> {{(short)TrackingLevel.Off}} THEN {{(short)TrackingLevel.Anonymous}}
                ELSE level END,
            host, sent_at, least(coalesce(sent_at, now()), now()), link_count, opens_tracked, ''
        FROM unnest($2::bytea[], $3::bytea[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::smallint[], $11::text[], $12::timestamptz[], $13::int[], $14::bool[], $15::bytea[])
            AS i(message_key, id_hash, salt, message_id, sender, recipient, recipient_domain, tags, level, host, sent_at,
                link_count, opens_tracked, recipient_hash),
            LATERAL (SELECT EXISTS (SELECT FROM rewrite.withdrawals w
                WHERE w.cluster_id = $1 AND w.recipient_hash = i.recipient_hash) AS withdrew) AS w
        ON CONFLICT (cluster_id, message_key) DO UPDATE
            SET link_count = m.link_count + excluded.link_count,
                opens_tracked = m.opens_tracked OR excluded.opens_tracked
            WHERE m.content_hash = m.id_hash
                AND (excluded.link_count > 0 OR (excluded.opens_tracked AND NOT m.opens_tracked))
        """;

    private const string MarkHosts =
        """
        UPDATE domains.tracking_domains SET has_imported_links = true
        WHERE cluster_id = $1 AND hostname = ANY ($2) AND deleted_at IS NULL AND NOT has_imported_links
        RETURNING hostname
        """;

    /// <summary>Stores lines.</summary>
    /// <param name="cluster">Whose they are.</param>
    /// <param name="lines">Lines that were read.</param>
    /// <param name="leftOut">Gets those that are left out.</param>
    /// <param name="holder">Who asks.</param>
    /// <param name="isDryRun">Whether all is taken back at the end.</param>
    /// <param name="cancellationToken">Before the commit: nothing is stored.</param>
    /// <returns>How many links are new, and how many were there.</returns>
    public async Task<(int Stored, int Known)> RunAsync(
        ClusterId cluster,
        List<ImportedLine> lines,
        List<LeftOutLine> leftOut,
        ApiKeyHolder holder,
        bool isDryRun,
        CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.Connections.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var batch = new Batch(connection, cluster, cancellationToken);
        var levels = await batch.ReadHostsAsync([.. lines.Select(line => line.Host).Distinct()]);
        lines = LeaveOut(lines, line => levels.ContainsKey(line.Host), LeftOutReason.UnknownHost, leftOut);
        if (lines.Count == 0)
        {
            return (0, 0);
        }

        var links = await batch.StoreDestinationsAsync([.. lines.Select(line => line.Url).OfType<string>().Distinct()]);
        var messages = await batch.FindMessageKeysAsync([.. lines.Select(line => line.MessageId).Distinct()]);
        var rows = lines.ConvertAll(line => new ImportedRow(
            line,
            line.Url is null ? Open : Click,
            messages[line.MessageId].Key,
            line.Url is null ? default : links[line.Url]));

        // A path is either a link, or what links with a query have in common.
        var queries = await batch.StoreAsync(
            [.. rows.Where(row => row.Line.PathOfQuery is not null)
                .Select(row => row with { Kind = Query, Link = default, Key = (row.Line.Host, row.Line.PathOfQuery!) })
                .DistinctBy(row => row.Key)]);
        rows = LeaveOut(
            rows,
            row => row.Line.PathOfQuery is not { } path || queries.Found[(row.Line.Host, path)].Kind == Query,
            leftOut);
        var imported = await batch.StoreAsync([.. rows.DistinctBy(row => row.Key)]);
        rows = LeaveOut(rows, row => imported.Found[row.Key] == (row.Kind, row.Link.ToInt64()), leftOut);

        var stored = rows.DistinctBy(row => row.Key).Where(row => imported.Stored.Contains(row.Key)).ToList();
        await StoreMessagesAsync(batch, rows, stored, messages, levels);
        var marked = await batch.MarkHostsAsync([.. rows.Select(row => row.Line.Host).Distinct()]);
        if (!isDryRun)
        {
            foreach (var host in stored.GroupBy(row => row.Line.Host))
            {
                await RecordChange.AddAsync(
                    transaction,
                    holder,
                    new("import-links", host.Key, cluster, After: new
                    {
                        clicks = host.Count(row => row.Kind == Click),
                        opens = host.Count(row => row.Kind == Open),
                    }),
                    time,
                    cancellationToken);
            }

            await transaction.CommitAsync(cancellationToken);
            foreach (var hostname in marked)
            {
                await change.ApplyAsync(cluster, hostname: hostname);
            }
        }

        return (stored.Count, rows.Count - stored.Count);
    }

    private static List<ImportedLine> LeaveOut(
        List<ImportedLine> lines, Predicate<ImportedLine> stays, LeftOutReason reason, List<LeftOutLine> leftOut)
    {
        leftOut.AddRange(lines.Where(line => !stays(line)).Select(line => new LeftOutLine(line.Number, reason)));
        return lines.FindAll(stays);
    }

    private static List<ImportedRow> LeaveOut(
        List<ImportedRow> rows, Predicate<ImportedRow> stays, List<LeftOutLine> leftOut)
    {
        leftOut.AddRange(rows.Where(row => !stays(row))
            .Select(row => new LeftOutLine(row.Line.Number, LeftOutReason.Conflict)));
        return rows.FindAll(stays);
    }

    private Task StoreMessagesAsync(
        Batch batch,
        List<ImportedRow> rows,
        List<ImportedRow> stored,
        Dictionary<string, MessageIdentity> messages,
        Dictionary<string, TrackingLevel> levels)
    {
        var ofCluster = clusters.TryGet(batch.Cluster, out var known)
            ? known.Settings.TrackingLevel
            : TrackingLevel.Full;
        var added = stored.ToLookup(row => row.Message);
        var written = rows.DistinctBy(row => row.Message).OrderBy(row => row.Message).Select(row =>
        {
            var line = row.Line;
            return new MessageRow(
                line,
                messages[line.MessageId],
                TrackingLevels.Strictest(ofCluster, levels[line.Host]),
                added[row.Message].Count(link => link.Kind == Click),
                added[row.Message].Any(link => link.Kind == Open),
                line.Document.Recipient is { Length: > 0 } recipient
                    ? recipients.Hash(batch.Cluster, recipient)
                    : null);
        }).ToArray();
        return batch.ExecuteAsync(
            _insertMessages,
            (Array.ConvertAll(written, row => row.Identity.Key.ToBytes()), NpgsqlDbType.Bytea),
            (Array.ConvertAll(written, row => row.Identity.Hash), NpgsqlDbType.Bytea),
            (Array.ConvertAll(written, row => row.Identity.Salt), NpgsqlDbType.Smallint),
            (Array.ConvertAll(written, row => row.Line.MessageId), NpgsqlDbType.Text),
            (Array.ConvertAll(written, row => row.Sender), NpgsqlDbType.Text),
            (Array.ConvertAll(written, row => row.Recipient), NpgsqlDbType.Text),
            (Array.ConvertAll(written, row => row.RecipientDomain), NpgsqlDbType.Text),
            (Array.ConvertAll(written, row => row.Tags), NpgsqlDbType.Text),
            (Array.ConvertAll(written, row => (short)row.Level), NpgsqlDbType.Smallint),
            (Array.ConvertAll(written, row => row.Line.Host), NpgsqlDbType.Text),
            (Array.ConvertAll(written, row => row.Line.Document.SentAt?.ToUniversalTime()), NpgsqlDbType.TimestampTz),
            (Array.ConvertAll(written, row => row.Links), NpgsqlDbType.Integer),
            (Array.ConvertAll(written, row => row.HasOpen), NpgsqlDbType.Boolean),
            (Array.ConvertAll(written, row => row.RecipientHash), NpgsqlDbType.Bytea));
    }

    /// <summary>A message's id as it is stored.</summary>
    private sealed record MessageIdentity(MessageKey Key, byte[] Hash, short Salt);

    /// <summary>A link as it is to be stored.</summary>
    private sealed record ImportedRow(ImportedLine Line, short Kind, MessageKey Message, LinkId Link)
    {
        public (string Host, string Path) Key { get; init; } = (Line.Host, Line.Path);
    }

    /// <summary>A message as it is to be stored; a recipient only at the level that keeps it.</summary>
    private sealed record MessageRow(
        ImportedLine Line,
        MessageIdentity Identity,
        TrackingLevel Level,
        int Links,
        bool HasOpen,
        byte[]? RecipientHash)
    {
        public string? Recipient => Level == TrackingLevel.Full ? Line.Document.Recipient : null;

        // A bounce address may hold the recipient's (VERP).
        public string? Sender =>
            Level != TrackingLevel.Full
            && Line.Document.Recipient?.Split('@')[0].TrimStart('<') is { Length: > 0 } name
            && Line.Document.Sender?.Contains(name, StringComparison.OrdinalIgnoreCase) == true
                ? null
                : Line.Document.Sender;

        public string? RecipientDomain => Line.Document.Recipient?.LastIndexOf('@') is >= 0 and var at
            ? Line.Document.Recipient[(at + 1)..].TrimEnd('>').ToLowerInvariant()
            : null;

        // An unnest cannot return arrays of different lengths. Tags never contain the unit separator.
        public string? Tags => Line.Document.Tags is { Count: > 0 } tags ? string.Join('\u001f', tags) : null;
    }

    /// <summary>The statements of one transaction.</summary>
    private sealed class Batch(NpgsqlConnection connection, ClusterId cluster, CancellationToken cancellationToken)
    {
        public ClusterId Cluster => cluster;

        public async Task<Dictionary<string, TrackingLevel>> ReadHostsAsync(string[] hosts)
        {
            var levels = new Dictionary<string, TrackingLevel>();
            await ReadAsync(
                SelectHosts,
                row => levels.Add(row.GetString(0), (TrackingLevel)row.GetInt16(1)),
                (hosts, NpgsqlDbType.Text));
            return levels;
        }

        /// <summary>As the rewriter does: another URL under the same bits takes the next salt.</summary>
        public async Task<Dictionary<string, LinkId>> StoreDestinationsAsync(string[] urls)
        {
            var found = new Dictionary<string, LinkId>();
            var left = urls.Select(url => (Url: url, Hash: SHA256.HashData(Encoding.ASCII.GetBytes(url)))).ToArray();
            for (byte salt = 0; left.Length > 0; salt = checked((byte)(salt + 1)))
            {
                var tried = left.Select(url => (url.Url, url.Hash, Link: LinkId.FromUrlHash(url.Hash, salt)))
                    .OrderBy(url => url.Link.ToInt64()).ToArray();
                var ids = Array.ConvertAll(tried, url => url.Link.ToInt64());
                await ExecuteAsync(
                    InsertDestinations,
                    (ids, NpgsqlDbType.Bigint),
                    (Array.ConvertAll(tried, url => url.Hash), NpgsqlDbType.Bytea),
                    (Array.ConvertAll(tried, _ => (short)salt), NpgsqlDbType.Smallint),
                    (Array.ConvertAll(tried, url => url.Url), NpgsqlDbType.Text));
                var stored = new Dictionary<long, byte[]>();
                await ReadAsync(
                    SelectDestinations,
                    row => stored[row.GetInt64(0)] = row.GetFieldValue<byte[]>(1),
                    (ids, NpgsqlDbType.Bigint));
                foreach (var (url, hash, link) in tried)
                {
                    if (stored[link.ToInt64()].AsSpan().SequenceEqual(hash))
                    {
                        found.Add(url, link);
                    }
                }

                left = [.. left.Where(url => !found.ContainsKey(url.Url))];
            }

            return found;
        }

        /// <summary>A key that another id has takes the next salt.</summary>
        public async Task<Dictionary<string, MessageIdentity>> FindMessageKeysAsync(string[] ids)
        {
            var found = new Dictionary<string, MessageIdentity>();
            var left = ids.Select(id => (Id: id, Hash: MessageKey.HashId(id))).ToArray();
            for (byte salt = 0; left.Length > 0; salt = checked((byte)(salt + 1)))
            {
                var stored = new Dictionary<MessageKey, byte[]>();
                await ReadAsync(
                    SelectMessages,
                    row => stored[MessageKey.Read(row.GetFieldValue<byte[]>(0))] = row.GetFieldValue<byte[]>(1),
                    (Array.ConvertAll(left, id => MessageKey.FromIdHash(id.Hash, salt).ToBytes()), NpgsqlDbType.Bytea));
                foreach (var (id, hash) in left)
                {
                    var key = MessageKey.FromIdHash(hash, salt);
                    if (stored.TryAdd(key, hash) || stored[key].AsSpan().SequenceEqual(hash))
                    {
                        found.Add(id, new MessageIdentity(key, hash, salt));
                    }
                }

                left = [.. left.Where(id => !found.ContainsKey(id.Id))];
            }

            return found;
        }

        /// <summary>Stores links that are not there.</summary>
        /// <returns>Those that are new, and what all of them are now.</returns>
        public async Task<(HashSet<(string Host, string Path)> Stored,
            Dictionary<(string Host, string Path), (short Kind, long Link)> Found)> StoreAsync(ImportedRow[] rows)
        {
            var stored = new HashSet<(string Host, string Path)>();
            var found = new Dictionary<(string Host, string Path), (short Kind, long Link)>();
            rows = [.. rows.OrderBy(row => row.Key.Host, StringComparer.Ordinal)
                .ThenBy(row => row.Key.Path, StringComparer.Ordinal)];
            if (rows.Length == 0)
            {
                return (stored, found);
            }

            var hosts = (Array.ConvertAll(rows, row => row.Key.Host), NpgsqlDbType.Text);
            var paths = (Array.ConvertAll(rows, row => row.Key.Path), NpgsqlDbType.Text);
            await ReadAsync(
                InsertLinks,
                row => stored.Add((row.GetString(0), row.GetString(1))),
                hosts,
                paths,
                (Array.ConvertAll(rows, row => row.Kind), NpgsqlDbType.Smallint),
                (Array.ConvertAll(rows, row => row.Message.ToBytes()), NpgsqlDbType.Bytea),
                (Array.ConvertAll(rows, row => row.Link.ToInt64()), NpgsqlDbType.Bigint));
            await ReadAsync(
                SelectLinks,
                row => found[(row.GetString(0), row.GetString(1))] = (row.GetInt16(2), row.GetInt64(3)),
                hosts,
                paths);
            return (stored, found);
        }

        public async Task<List<string>> MarkHostsAsync(string[] hosts)
        {
            var marked = new List<string>();
            await ReadAsync(MarkHosts, row => marked.Add(row.GetString(0)), (hosts, NpgsqlDbType.Text));
            return marked;
        }

        public async Task ExecuteAsync(string sql, params (Array Values, NpgsqlDbType Element)[] parameters)
        {
            await using var command = Command(sql, parameters);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        private async Task ReadAsync(
            string sql, Action<NpgsqlDataReader> take, params (Array Values, NpgsqlDbType Element)[] parameters)
        {
            await using var command = Command(sql, parameters);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                take(reader);
            }
        }

        private NpgsqlCommand Command(string sql, (Array Values, NpgsqlDbType Element)[] parameters)
        {
            var command = new NpgsqlCommand(sql, connection);
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = cluster.Value });
            foreach (var (values, element) in parameters)
            {
                command.Parameters.Add(new() { Value = values, NpgsqlDbType = NpgsqlDbType.Array | element });
            }

            return command;
        }
    }
}

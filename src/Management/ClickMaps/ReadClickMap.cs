using System.IO.Compression;
using System.Text;
using Npgsql;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.ClickMaps;

/// <summary>A mail as it was sent, and the clicks of people on each of its places.</summary>
/// <param name="Html">The HTML. Its tracked links end with <see cref="PlaceToken"/>s.</param>
/// <param name="Messages">The number of messages with this HTML that were counted, at most
/// <see cref="ReadClickMap.Most"/>.</param>
/// <param name="Clicks">Clicks of people by ordinal.</param>
public sealed record ClickMap(string Html, int Messages, IReadOnlyDictionary<int, long> Clicks);

/// <summary>Reads the stored HTML of a message, and the clicks on all messages with the same HTML.</summary>
internal static class ReadClickMap
{
    /// <summary>The largest number of messages whose clicks are counted. More messages would show the same, and take
    /// longer.</summary>
    public const int Most = 10_000;

    private const string Html =
        """
        SELECT b.html FROM rewrite.message_bodies m
        JOIN rewrite.bodies b ON b.cluster_id = m.cluster_id AND b.hash = m.hash
        WHERE m.cluster_id = $1 AND m.message_key = $2
        """;

    private static readonly string _clicks =
        $"""
        WITH alike AS MATERIALIZED (
            SELECT a.message_key FROM rewrite.message_bodies m
            JOIN rewrite.message_bodies a ON a.cluster_id = m.cluster_id AND a.hash = m.hash
            WHERE m.cluster_id = $1 AND m.message_key = $2
            LIMIT {Most})
        SELECT (SELECT count(*) FROM alike), e.ordinal, count(e.*)
        FROM (SELECT 1) one LEFT JOIN alike ON true
        LEFT JOIN ingest.events e ON e.cluster_id = $1 AND e.message_key = alike.message_key AND e.kind = 0
            AND e.uncounted IS NULL
            AND e.verdict IN ({(int)Verdict.Unknown}, {(int)Verdict.Human}, {(int)Verdict.Proxy})
        GROUP BY e.ordinal
        """;

    /// <summary>Whether HTML of the message is stored.</summary>
    public static async Task<bool> IsThereAsync(
        ApiDataSource dataSource, ClusterId cluster, MessageKey message, CancellationToken cancellationToken)
    {
        await using var command = Command(dataSource, $"SELECT EXISTS ({Html})", cluster, message);
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    /// <summary>Reads the click map; <see langword="null"/> if no HTML is stored.</summary>
    public static async Task<ClickMap?> RunAsync(
        ApiDataSource dataSource, ClusterId cluster, MessageKey message, CancellationToken cancellationToken)
    {
        await using var read = Command(dataSource, Html, cluster, message);
        if (await read.ExecuteScalarAsync(cancellationToken) is not byte[] compressed)
        {
            return null;
        }

        var clicks = new Dictionary<int, long>();
        var messages = 0;
        await using var count = Command(dataSource, _clicks, cluster, message);
        await using var reader = await count.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            messages = (int)reader.GetInt64(0);
            if (!reader.IsDBNull(1))
            {
                clicks[reader.GetInt16(1)] = reader.GetInt64(2);
            }
        }

        return new ClickMap(Decompress(compressed), messages, clicks);
    }

    private static NpgsqlCommand Command(ApiDataSource dataSource, string sql, ClusterId cluster, MessageKey message)
    {
        var command = dataSource.CreateCommand(sql);
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new() { Value = message.ToBytes() });
        return command;
    }

    private static string Decompress(byte[] compressed)
    {
        using var input = new BrotliStream(new MemoryStream(compressed), CompressionMode.Decompress);
        using var reader = new StreamReader(input, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}

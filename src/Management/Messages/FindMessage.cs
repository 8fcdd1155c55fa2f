using Tracking.Api;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management.Messages;

/// <summary>Finds a message by its key (18 hexadecimal digits) or by the id that its sender gave.</summary>
internal static class FindMessage
{
    // A 72-bit collision in one cluster becomes likely with 10^10 messages, so four salts are more than enough.
    private const byte Salts = 4;

    /// <summary>The message's key; <see langword="null"/> if the cluster has no such message.</summary>
    public static async Task<MessageKey?> KeyAsync(
        ApiDataSource dataSource, ClusterId cluster, string id, CancellationToken cancellationToken)
    {
        // A slash in a path is written %2F and stays so in a route value.
        var text = id.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        if (text.Contains('\0', StringComparison.Ordinal))
        {
            return null;
        }

        var hash = MessageKey.HashId(text);
        var candidates = new byte[Salts][];
        for (byte salt = 0; salt < Salts; salt++)
        {
            candidates[salt] = MessageKey.FromIdHash(hash, salt).ToBytes();
        }

        await using var command = dataSource.CreateCommand(
            """
            SELECT message_key FROM rewrite.messages
            WHERE cluster_id = $1 AND (message_key = $2 OR (message_key = ANY ($3) AND id_hash = $4))
            ORDER BY message_key = $2 DESC
            LIMIT 1
            """);
        var asKey = MessageKey.TryParse(text, out var key) ? key.ToBytes() : candidates[0];
        command.Parameters.Add(new() { Value = cluster.Value });
        command.Parameters.Add(new() { Value = asKey });
        command.Parameters.Add(new() { Value = candidates });
        command.Parameters.Add(new() { Value = hash });
        return await command.ExecuteScalarAsync(cancellationToken) is byte[] found ? MessageKey.Read(found) : null;
    }

    public static Problem NoSuchMessage(string id) => Problems.NotFound(
        "message",
        id,
        "Takes the id of a listed message (18 hexadecimal digits), or the message id that its sender gave.");
}

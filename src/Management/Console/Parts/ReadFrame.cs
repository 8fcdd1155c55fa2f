using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management.Console.Parts;

/// <summary>The facts that surround every page of a cluster.</summary>
/// <param name="Name">The name of the cluster.</param>
/// <param name="NeedYou">The number of tracking domains that need a person.</param>
internal sealed record FrameFacts(string Name, int NeedYou)
{
    /// <summary>Reads the facts in one statement.</summary>
    public static async Task<FrameFacts?> ReadAsync(
        ApiDataSource dataSource, ClusterId cluster, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT c.name, (SELECT count(*)::int FROM domains.tracking_domains d WHERE d.cluster_id = c.id AND {NeedsYou})
            FROM management.clusters c
            WHERE c.id = $1 AND c.deleted_at IS NULL
            """);
        command.Parameters.Add(new() { Value = cluster.Value });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new FrameFacts(reader.GetString(0), reader.GetInt32(1))
            : null;
    }

    /// <summary>The condition for domains (<c>d</c>) that need a person: domains with a warning, and domains that were
    /// lost after they were verified. A new domain that waits for its first record needs nobody.</summary>
    public const string NeedsYou =
        "d.deleted_at IS NULL AND (d.strikes > 0 OR (d.status = 0 AND d.verified_at IS NOT NULL))";
}

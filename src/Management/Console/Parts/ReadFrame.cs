using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management.Console.Parts;

/// <summary>What stands round every page of a cluster.</summary>
/// <param name="Name">The cluster's.</param>
/// <param name="NeedYou">Tracking domains that a person has to look at.</param>
internal sealed record FrameFacts(string Name, int NeedYou)
{
    /// <summary>Reads them in one statement.</summary>
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

    /// <summary>Which domains (<c>d</c>) a person has to look at: warned of, or lost after they were verified. One that
    /// was added and waits for its first record is on its way.</summary>
    public const string NeedsYou =
        "d.deleted_at IS NULL AND (d.strikes > 0 OR (d.status = 0 AND d.verified_at IS NOT NULL))";
}

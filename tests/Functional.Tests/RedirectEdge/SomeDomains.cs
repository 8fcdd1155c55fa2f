using Npgsql;

namespace Tracking.Functional.Tests.RedirectEdge;

/// <summary>Changes tracking domains in a database as their services do.</summary>
internal static class SomeDomains
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Adds a domain with a certificate.</summary>
    public static Task AddAsync(NpgsqlDataSource database, int cluster, string hostname, bool isActive = true) =>
        ExecuteAsync(
            database,
            """
            INSERT INTO domains.tracking_domains (id, cluster_id, hostname, target, status, certificate_until)
            VALUES (gen_random_uuid(), $1, $2, 'v-' || gen_random_uuid() || '.track.localhost', $3,
                now() + interval '30 days')
            """,
            cluster,
            hostname,
            isActive ? (short)1 : (short)0);

    /// <summary>Changes a domain.</summary>
    /// <param name="database">The database.</param>
    /// <param name="cluster">The domain's cluster.</param>
    /// <param name="hostname">The domain's name.</param>
    /// <param name="set">The SQL after SET.</param>
    public static Task ChangeAsync(NpgsqlDataSource database, int cluster, string hostname, string set) =>
        ExecuteAsync(
            database,
            $"UPDATE domains.tracking_domains SET {set} WHERE cluster_id = $1 AND hostname = $2 AND deleted_at IS NULL",
            cluster,
            hostname);

    public static async Task ExecuteAsync(NpgsqlDataSource database, string sql, params object[] values)
    {
        await using var command = database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        await command.ExecuteNonQueryAsync(Cancelled);
    }
}

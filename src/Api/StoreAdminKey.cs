using Npgsql;

namespace Tracking.Api;

/// <summary>Stores an admin API key that was made outside the API: the first one.</summary>
public static class StoreAdminKey
{
    /// <summary>Stores the key unless it exists. A revoked key stays revoked.</summary>
    /// <param name="dataSource">The database.</param>
    /// <param name="name">The key's origin.</param>
    /// <param name="hash">The hash of <see cref="ApiKeySecret.TryHash"/>.</param>
    /// <param name="time">The clock for the key's id.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public static async Task RunAsync(
        NpgsqlDataSource dataSource, string name, byte[] hash, TimeProvider time, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            INSERT INTO management.api_keys (id, cluster_id, name, secret_hash) VALUES ($1, NULL, $2, $3)
            ON CONFLICT (secret_hash) DO NOTHING
            """);
        command.Parameters.Add(new() { Value = Guid.CreateVersion7(time.GetUtcNow()) });
        command.Parameters.Add(new() { Value = name });
        command.Parameters.Add(new() { Value = hash });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}

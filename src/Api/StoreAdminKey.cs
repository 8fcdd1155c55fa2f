using Npgsql;

namespace Tracking.Api;

/// <summary>Stores an admin API key that was made outside the API: the first one.</summary>
public static class StoreAdminKey
{
    /// <summary>Stores it unless it is there; a revoked one stays revoked.</summary>
    /// <param name="dataSource">The database.</param>
    /// <param name="name">Where it came from.</param>
    /// <param name="hash">As <see cref="ApiKeySecret.TryHash"/> gives it.</param>
    /// <param name="time">For its id.</param>
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

using System.Security.Cryptography;
using System.Text;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management.Auth;

/// <summary>
/// Finds or makes the API key of a person who signs in by OpenID Connect. Nobody knows the key's secret. The person's
/// sessions belong to this key: the audit log has its name, and revoking the key ends the sessions within seconds and
/// prevents new ones.
/// </summary>
internal sealed class KeepPersonKey(ApiDataSource dataSource, TimeProvider time)
{
    // The limit is that of other keys' names.
    private const int MaxNameLength = 100;

    /// <summary>Finds or makes the key.</summary>
    /// <param name="issuer">The provider.</param>
    /// <param name="subject">The person's id at the provider, which is never given to another person.</param>
    /// <param name="name">The person's name.</param>
    /// <param name="cluster">The person's cluster; <see langword="null"/> for an admin.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns><see langword="null"/> if the key was revoked, or the cluster does not exist.</returns>
    public async Task<ApiKeyHolder?> RunAsync(
        string issuer, string subject, string name, ClusterId? cluster, CancellationToken cancellationToken)
    {
        if (subject.Length == 0)
        {
            return null;
        }

        // The same person with the same right is the same key.
        var id = new Guid(
            SHA256.HashData(Encoding.UTF8.GetBytes($"{issuer}\n{subject}\n{cluster?.Value}")).AsSpan(0, 16));
        var shown = new string([.. $"OpenID: {name}".Where(c => !char.IsControl(c)).Take(MaxNameLength)]);
        await using var command = dataSource.CreateCommand(
            """
            WITH made AS (
                INSERT INTO management.api_keys (id, cluster_id, name, secret_hash, created_at)
                SELECT $1, $2, $3, $4, $5
                WHERE $2::integer IS NULL OR EXISTS (
                    SELECT FROM management.clusters WHERE id = $2 AND deleted_at IS NULL)
                ON CONFLICT (id) DO NOTHING RETURNING id)
            SELECT true FROM made
            UNION ALL
            SELECT true FROM management.api_keys WHERE id = $1 AND revoked_at IS NULL
            """);
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new()
        {
            Value = (object?)cluster?.Value ?? DBNull.Value,
            NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Integer,
        });
        command.Parameters.Add(new() { Value = shown });
        // The stored hash is random, so nobody knows a secret for it.
        command.Parameters.Add(new() { Value = RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes) });
        command.Parameters.Add(new() { Value = time.GetUtcNow() });
        return await command.ExecuteScalarAsync(cancellationToken) is true ? new ApiKeyHolder(id, cluster) : null;
    }
}

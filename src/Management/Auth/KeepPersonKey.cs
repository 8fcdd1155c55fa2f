using System.Security.Cryptography;
using System.Text;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management.Auth;

/// <summary>
/// The API key of a person whom an OpenID Connect provider vouches for, with a secret that nobody has. So his sessions
/// are those of a key: the audit log says his name, and whoever revokes the key in the list ends them within seconds
/// and lets him in no more.
/// </summary>
internal sealed class KeepPersonKey(ApiDataSource dataSource, TimeProvider time)
{
    // As long as other keys' names.
    private const int MaxNameLength = 100;

    /// <summary>Finds it, or makes it.</summary>
    /// <param name="issuer">The provider.</param>
    /// <param name="subject">Whom it means; never given to anybody else there.</param>
    /// <param name="name">What people call him.</param>
    /// <param name="cluster">What he may; <see langword="null"/>: everything.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns><see langword="null"/> when it was revoked, or there is no such cluster.</returns>
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
        // The hash of nothing that anybody knows.
        command.Parameters.Add(new() { Value = RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes) });
        command.Parameters.Add(new() { Value = time.GetUtcNow() });
        return await command.ExecuteScalarAsync(cancellationToken) is true ? new ApiKeyHolder(id, cluster) : null;
    }
}

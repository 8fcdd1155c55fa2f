using Npgsql;
using Tracking.Certificates.Renewal;

namespace Tracking.Certificates.Issuance;

/// <summary>A certificate that has passed every check.</summary>
/// <param name="Id">The order's id, to which the sealed key is bound.</param>
/// <param name="Directory">The authority.</param>
/// <param name="RenewalId">The certificate's id at the authority (RFC 9773).</param>
/// <param name="Chain">The chain as PEM, as the authority sent it.</param>
/// <param name="SealedKey">The certificate's sealed key.</param>
/// <param name="NotBefore">Valid from.</param>
/// <param name="NotAfter">Valid until.</param>
internal sealed record NewCertificate(
    Guid Id, string Directory, string? RenewalId, string Chain, byte[] SealedKey,
    DateTimeOffset NotBefore, DateTimeOffset NotAfter);

/// <summary>Puts a certificate into use. One transaction stores the certificate and updates the name's row and the
/// tracking domain. From then on links on the domain may be https.</summary>
internal sealed class KeepCertificate(NpgsqlDataSource dataSource, TimeProvider time)
{
    // A process that has lost its lease still has a good certificate. The certificate is put into use if the name's
    // order is still the same, and is only stored otherwise. The same order stored twice is one row.
    private const string Insert =
        """
        INSERT INTO certificates.issued (id, hostname, cluster_id, directory, renewal_id, not_before, not_after, chain,
            sealed_key, stored_at, is_renewal)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (id) DO NOTHING
        """;

    private const string Use =
        """
        UPDATE certificates.names SET certificate_id = $2, cluster_id = $3, renew_at = $4, due_at = $5,
            first_renewed_at = CASE WHEN $6 THEN coalesce(first_renewed_at, $7) ELSE first_renewed_at END,
            window_start = NULL, window_end = NULL, window_url = NULL, window_asked_at = NULL,
            order_id = NULL, order_directory = NULL, order_url = NULL, order_sealed_key = NULL, order_began_at = NULL,
            order_replaces = NULL, challenge_token = NULL, challenge_type = NULL, challenge_thumbprint = NULL,
            queued_for = NULL,
            failures = 0, last_failure = NULL, last_failed_at = NULL, paused_url = NULL,
            leased_by = NULL, leased_until = NULL
        WHERE hostname = $1 AND (leased_by = $8 OR order_id = $2)
        """;

    private const string Tell =
        """
        UPDATE domains.tracking_domains SET certificate_until = $3
        WHERE hostname = $1 AND cluster_id = $2 AND deleted_at IS NULL
        """;

    private const string FindKept =
        """
        SELECT id, directory, renewal_id, not_before, not_after FROM certificates.issued
        WHERE hostname = $1 AND cluster_id IS NOT DISTINCT FROM $2 AND revoked_at IS NULL AND not_before <= $3
            AND not_after > $3
        ORDER BY not_after DESC LIMIT 1
        """;

    /// <summary>Stores a new certificate and puts it into use.</summary>
    /// <exception cref="NpgsqlException">The database is away. The order is continued later.</exception>
    /// <returns>Whether the certificate is in use. If not, another process has begun another order.</returns>
    public async Task<bool> RunAsync(LeasedName name, NewCertificate made, CancellationToken cancellationToken)
    {
        var isRenewal = name.Own is not null;
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var insert = new NpgsqlCommand(Insert, connection))
        {
            insert.Parameters.Add(new() { Value = made.Id });
            insert.Parameters.Add(new() { Value = name.Host.Value });
            insert.Parameters.Add(new NpgsqlParameter<int?> { TypedValue = name.Cluster?.Value });
            insert.Parameters.Add(new() { Value = made.Directory });
            insert.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = made.RenewalId });
            insert.Parameters.Add(new() { Value = made.NotBefore.UtcDateTime });
            insert.Parameters.Add(new() { Value = made.NotAfter.UtcDateTime });
            insert.Parameters.Add(new() { Value = made.Chain });
            insert.Parameters.Add(new() { Value = made.SealedKey });
            insert.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
            insert.Parameters.Add(new() { Value = isRenewal });
            await insert.ExecuteNonQueryAsync(cancellationToken);
        }

        var isUsed = await UseAsync(
            connection, name, made.Id, made.NotBefore, made.NotAfter, made.RenewalId is not null, isRenewal,
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return isUsed;
    }

    /// <summary>Uses a stored certificate again, for a domain that was deleted and added again, or demoted and verified
    /// again. A new order would count against limits that all clusters share.</summary>
    /// <returns>The certificate; <see langword="null"/> if no stored certificate has enough life left.</returns>
    public async Task<StoredCertificate?> AdoptAsync(LeasedName name, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        StoredCertificate kept;
        await using (var find = new NpgsqlCommand(FindKept, connection))
        {
            find.Parameters.Add(new() { Value = name.Host.Value });
            find.Parameters.Add(new NpgsqlParameter<int?> { TypedValue = name.Cluster?.Value });
            find.Parameters.Add(new() { Value = now.UtcDateTime });
            await using var reader = await find.ExecuteReaderAsync(cancellationToken);
            if (!await reader.ReadAsync(cancellationToken))
            {
                return null;
            }

            kept = new StoredCertificate(
                reader.GetGuid(0),
                reader.GetString(1),
                reader.IsDBNull(2) ? null : reader.GetString(2),
                reader.GetFieldValue<DateTimeOffset>(3),
                reader.GetFieldValue<DateTimeOffset>(4));
        }

        if (!await UseAsync(
            connection, name, kept.Id, kept.NotBefore, kept.NotAfter, kept.RenewalId is not null, isRenewal: false,
            cancellationToken))
        {
            return null;
        }

        await transaction.CommitAsync(cancellationToken);
        return kept;
    }

    private async Task<bool> UseAsync(
        NpgsqlConnection connection,
        LeasedName name,
        Guid certificate,
        DateTimeOffset notBefore,
        DateTimeOffset notAfter,
        bool hasWindow,
        bool isRenewal,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var renewAt = RenewalTime.Of(name.Host, notBefore, notAfter);

        // An authority with RFC 9773 is asked for the renewal window at once.
        var dueAt = hasWindow && now + RenewCertificates.FirstQuestion < renewAt
            ? now + RenewCertificates.FirstQuestion
            : renewAt;
        await using (var use = new NpgsqlCommand(Use, connection))
        {
            use.Parameters.Add(new() { Value = name.Host.Value });
            use.Parameters.Add(new() { Value = certificate });
            use.Parameters.Add(new NpgsqlParameter<int?> { TypedValue = name.Cluster?.Value });
            use.Parameters.Add(new() { Value = renewAt.UtcDateTime });
            use.Parameters.Add(new() { Value = dueAt.UtcDateTime });
            use.Parameters.Add(new() { Value = isRenewal });
            use.Parameters.Add(new() { Value = now.UtcDateTime });
            use.Parameters.Add(new() { Value = name.Lease });
            if (await use.ExecuteNonQueryAsync(cancellationToken) == 0)
            {
                return false;
            }
        }

        if (name.Cluster is { } cluster)
        {
            await using var tell = new NpgsqlCommand(Tell, connection);
            tell.Parameters.Add(new() { Value = name.Host.Value });
            tell.Parameters.Add(new() { Value = cluster.Value });
            tell.Parameters.Add(new() { Value = notAfter.UtcDateTime });
            await tell.ExecuteNonQueryAsync(cancellationToken);
        }

        return true;
    }
}

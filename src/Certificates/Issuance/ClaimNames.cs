using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Certificates.Acme;
using Tracking.Links;

namespace Tracking.Certificates.Issuance;

/// <summary>
/// Takes names that are due. A taken name is leased in its row, so two processes never order for one name. When the
/// lease of a dead process ends, the name is due again and its order is continued.
/// </summary>
internal sealed class ClaimNames(NpgsqlDataSource dataSource, IOptions<CertificateOptions> options, TimeProvider time)
{
    // Names without a certificate come first, because people wait for them.
    private const string Claim =
        """
        WITH due AS MATERIALIZED (
            SELECT hostname FROM certificates.names
            WHERE due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
            ORDER BY certificate_id IS NOT NULL, due_at
            LIMIT $4
            FOR NO KEY UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE certificates.names n SET leased_by = $2, leased_until = $3
            FROM due WHERE n.hostname = due.hostname
            RETURNING n.*
        )
        SELECT n.hostname, i.cluster_id, n.renew_at, n.window_asked_at, n.failures,
            n.order_id, n.order_directory, n.order_url, n.order_sealed_key, n.order_began_at, n.order_replaces,
            i.id, i.directory, i.renewal_id, i.not_before, i.not_after,
            d.cluster_id, n.hostname = ANY($5), n.due_at, d.certificate_until,
            n.challenge_type, n.last_failed_at, n.queued_for
        FROM taken n
        LEFT JOIN certificates.issued i ON i.id = n.certificate_id
        LEFT JOIN domains.tracking_domains d ON d.hostname = n.hostname AND d.status = 1 AND d.deleted_at IS NULL
        """;

    // If the due date differs from the date at the time of the lease, somebody has asked for the name meanwhile.
    private const string GiveBack =
        """
        UPDATE certificates.names SET leased_by = NULL, leased_until = NULL, queued_for = NULL,
            due_at = CASE WHEN due_at = $3 THEN 'infinity' ELSE due_at END
        WHERE hostname = $1 AND leased_by = $2
        """;

    private const string Release =
        """
        UPDATE certificates.names SET leased_by = NULL, leased_until = NULL WHERE hostname = $1 AND leased_by = $2
        """;

    /// <summary>Takes names that are due.</summary>
    /// <param name="most">The largest number of names.</param>
    /// <param name="own">The operator's own hosts.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async Task<List<LeasedName>> RunAsync(
        int most, IReadOnlyCollection<string> own, CancellationToken cancellationToken)
    {
        var lease = Guid.CreateVersion7(time.GetUtcNow());
        var now = time.GetUtcNow();
        await using var command = dataSource.CreateCommand(Claim);
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new() { Value = lease });
        command.Parameters.Add(new() { Value = (now + options.Value.Lease).UtcDateTime });
        command.Parameters.Add(new() { Value = most });
        command.Parameters.Add(new() { Value = own.ToArray() });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var taken = new List<LeasedName>();
        while (await reader.ReadAsync(cancellationToken))
        {
            if (HostName.TryParse(reader.GetString(0), out var host))
            {
                taken.Add(Read(reader, host, lease, now));
            }
        }

        return taken;
    }

    /// <summary>Ends the lease of a name that wants no certificate. The name is not due until it is entered
    /// again.</summary>
    /// <param name="name">The name. A name that another process has leased meanwhile is left alone.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    public async Task GiveBackAsync(LeasedName name, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(GiveBack);
        command.Parameters.Add(new() { Value = name.Host.Value });
        command.Parameters.Add(new() { Value = name.Lease });
        command.Parameters.Add(new() { Value = name.DueAt.UtcDateTime });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Ends a lease before the work is done, so that another process can continue at once.</summary>
    public async Task ReleaseAsync(LeasedName name, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Release);
        command.Parameters.Add(new() { Value = name.Host.Value });
        command.Parameters.Add(new() { Value = name.Lease });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static LeasedName Read(NpgsqlDataReader reader, HostName host, Guid lease, DateTimeOffset now)
    {
        var cluster = Cluster(reader, 16);
        return new LeasedName
        {
            Host = host,
            Lease = lease,
            TakenAt = now,
            FormerCluster = Cluster(reader, 1),
            Cluster = cluster,
            IsWanted = cluster is not null || reader.GetBoolean(17),
            DueAt = reader.GetFieldValue<DateTimeOffset>(18),
            CertificateUntil = Time(reader, 19),
            Challenge = reader.IsDBNull(20) ? null : (ChallengeType)reader.GetInt16(20),
            LastFailedAt = Time(reader, 21),
            QueuedFor = reader.IsDBNull(22) ? null : reader.GetString(22),
            RenewAt = Time(reader, 2),
            WindowAskedAt = Time(reader, 3),
            Failures = reader.GetInt32(4),
            Order = reader.IsDBNull(5) ? null : new OrderUnderWay(
                reader.GetGuid(5),
                reader.GetString(6),
                reader.IsDBNull(7) ? null : new Uri(reader.GetString(7)),
                reader.IsDBNull(8) ? null : reader.GetFieldValue<byte[]>(8),
                reader.GetFieldValue<DateTimeOffset>(9),
                reader.IsDBNull(10) ? null : reader.GetGuid(10)),
            Current = reader.IsDBNull(11) ? null : new StoredCertificate(
                reader.GetGuid(11),
                reader.GetString(12),
                reader.IsDBNull(13) ? null : reader.GetString(13),
                reader.GetFieldValue<DateTimeOffset>(14),
                reader.GetFieldValue<DateTimeOffset>(15)),
        };
    }

    private static ClusterId? Cluster(NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : new ClusterId(reader.GetInt32(column));

    private static DateTimeOffset? Time(NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);
}

using Npgsql;

namespace Tracking.Certificates.Renewal;

/// <summary>Measures the remaining life of certificates and counts the names without one. The figures are for the whole
/// installation, so every process reports the same.</summary>
internal sealed class MeasureCertificates(
    NpgsqlDataSource dataSource, OwnHosts own, CertificateTelemetry telemetry, TimeProvider time)
{
    // Metrics are mostly collected once a minute.
    private static readonly TimeSpan _pause = TimeSpan.FromMinutes(1);

    private const string Select =
        """
        SELECT is_own, state, count(*), min(seconds)::double precision, min(seconds / nullif(life, 0))::double precision
        FROM (
            SELECT n.hostname = ANY($2) AS is_own,
                CASE WHEN i.not_after > $1 THEN 'valid'
                    WHEN n.paused_url IS NOT NULL THEN 'paused'
                    WHEN n.failures > 0 THEN 'failing'
                    WHEN n.queued_for IS NOT NULL THEN 'queued'
                    ELSE 'pending' END AS state,
                extract(epoch FROM i.not_after - $1) AS seconds,
                extract(epoch FROM i.not_after - i.not_before) AS life
            FROM certificates.names n
            LEFT JOIN certificates.issued i ON i.id = n.certificate_id
            WHERE n.hostname = ANY($2) OR EXISTS (SELECT FROM domains.tracking_domains d
                WHERE d.hostname = n.hostname AND d.status = 1 AND d.deleted_at IS NULL)
        ) names
        GROUP BY 1, 2
        """;

    private static readonly string[] _states = ["valid", "pending", "queued", "failing", "paused"];

    private DateTimeOffset _next;

    /// <summary>Measures once a minute. Calls in between do nothing.</summary>
    /// <exception cref="NpgsqlException">The database is away. The figures stay as they were.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (now < _next)
        {
            return;
        }

        await using var command = dataSource.CreateCommand(Select);
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new() { Value = own.Names.ToArray() });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<(bool IsOwn, string State, long Names, double? Seconds, double? Share)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add((
                reader.GetBoolean(0), reader.GetString(1), reader.GetInt64(2),
                reader.IsDBNull(3) ? null : reader.GetDouble(3), reader.IsDBNull(4) ? null : reader.GetDouble(4)));
        }

        // A state without names is reported as 0.
        telemetry.InUse(
        [
            .. from isOwn in (bool[])[true, false]
               let hosts = rows.Where(row => row.IsOwn == isOwn).ToList()
               select new CertificatesInUse(
                   isOwn, hosts.Min(row => row.Seconds), hosts.Min(row => row.Share),
                   [.. _states.Select(state => (state, hosts.Where(row => row.State == state).Sum(row => row.Names)))]),
        ]);
        _next = now + _pause;
    }
}

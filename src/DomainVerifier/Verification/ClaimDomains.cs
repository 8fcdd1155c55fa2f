using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>
/// Leases tracking domains that are due: first those with a request, then those that have been due longest, and of one
/// cluster no more than its share. The lease is in the domain's row, so two processes never check one name. When the
/// lease of a dead process ends, the name is due again.
/// </summary>
internal sealed class ClaimDomains(
    NpgsqlDataSource dataSource, IOptions<VerifierOptions> options, TimeProvider time)
{
    // Rows that another process has locked are skipped. Rows over a cluster's share are read and not leased.
    private const string Claim =
        """
        WITH due AS MATERIALIZED (
            SELECT id, cluster_id, next_check_at FROM domains.tracking_domains
            WHERE deleted_at IS NULL AND (leased_until IS NULL OR leased_until <= $1) AND cluster_id <> ALL($5)
                {0}
            LIMIT $4
            FOR NO KEY UPDATE SKIP LOCKED
        ), fair AS (
            SELECT id, cluster_id, row_number() OVER (PARTITION BY cluster_id ORDER BY next_check_at, id) AS place
            FROM due
        )
        UPDATE domains.tracking_domains d SET leased_by = $2, leased_until = $3
        FROM fair LEFT JOIN unnest($6, $7) AS busy (cluster_id, checks) ON busy.cluster_id = fair.cluster_id
        WHERE d.id = fair.id AND fair.place + coalesce(busy.checks, 0) <= $8
        RETURNING d.id, d.cluster_id, d.hostname, d.target, d.status, d.check_requested_at,
            d.check_requested_at IS NOT NULL
                AND (d.last_checked_at IS NULL OR d.last_checked_at < d.check_requested_at),
            EXISTS (SELECT FROM management.clusters c WHERE c.id = d.cluster_id AND c.deleted_at IS NULL),
            d.has_http_links OR (d.status = 1 AND d.https = 1)
        """;

    // The condition is that of the index tracking_domains_asked, which stays small however many names are due.
    private static readonly string _claimAsked = Claim.Replace(
        "{0}",
        """
        AND check_requested_at IS NOT NULL AND (last_checked_at IS NULL OR last_checked_at < check_requested_at)
            ORDER BY check_requested_at
        """,
        StringComparison.Ordinal);

    private static readonly string _claimDue =
        Claim.Replace("{0}", "AND next_check_at <= $1 ORDER BY next_check_at", StringComparison.Ordinal);

    private static readonly string _claimBeyond = Claim.Replace(
        "{0}", "AND next_check_at > $9 AND next_check_at <= $10 ORDER BY next_check_at", StringComparison.Ordinal);

    // The number of rows of full clusters that one query passes over (2 ms), and the number of queries in a row. A
    // million names of one cluster before all others must not cost a scan each time.
    private const int Window = 2000;
    private const int Looks = 5;

    private const string EndOfWindow =
        """
        SELECT next_check_at FROM domains.tracking_domains
        WHERE deleted_at IS NULL AND next_check_at > $1 AND next_check_at <= $2
        ORDER BY next_check_at OFFSET $3 LIMIT 1
        """;

    // Names of a deleted cluster are not checked, and no notice is sent.
    private const string Leave =
        """
        UPDATE domains.tracking_domains
        SET next_check_at = NULL, check_requested_at = NULL, leased_by = NULL, leased_until = NULL
        WHERE id = $1 AND leased_by = $2
        """;

    // The lease is released with a time before which nobody can take the name. The row's other dates stay.
    private const string GiveBack =
        """
        UPDATE domains.tracking_domains SET leased_by = NULL, leased_until = $3 WHERE id = $1 AND leased_by = $2
        """;

    // Where the next query past full clusters begins. After the end it begins at the front again.
    private DateTime _beyond = DateTime.UnixEpoch;
    private long? _foundNothingAt;

    /// <summary>Leases names that are due, without regard to the share of a cluster.</summary>
    /// <param name="most">How many at most.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async Task<List<LeasedDomain>> RunAsync(int most, CancellationToken cancellationToken) =>
        (await RunAsync(most, [], cancellationToken)).Taken;

    /// <summary>Takes names that are due.</summary>
    /// <param name="most">How many at most.</param>
    /// <param name="inWork">How many names of each cluster this process checks now.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async Task<ClaimRound> RunAsync(
        int most, IEnumerable<KeyValuePair<ClusterId, int>> inWork, CancellationToken cancellationToken)
    {
        var round = new ClaimRound(Guid.CreateVersion7(time.GetUtcNow()), options.Value.ChecksAtOnceOfCluster, inWork);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        // A cluster with a full share hides other clusters' requested names, so these are read without that cluster.
        // Few requests exist at a time.
        for (bool isNewlyFull = true; isNewlyFull && round.Claimed < most;)
        {
            var full = round.Full;
            await ClaimAsync(connection, _claimAsked, most, round, [], cancellationToken);
            isNewlyFull = round.Full.Count > full.Count;
        }

        if (round.Full.Count == 0 && round.Claimed < most)
        {
            await ClaimAsync(connection, _claimDue, most, round, [], cancellationToken);
        }

        if (round.Full.Count > 0 && round.Claimed < most)
        {
            await ClaimBeyondAsync(connection, most, round, cancellationToken);
        }

        return round;
    }

    /// <summary>Ends a lease without a result.</summary>
    /// <param name="domain">The domain. A domain that another process has leased meanwhile is left alone.</param>
    /// <param name="notBefore">When the domain may be leased again; <see langword="null"/> for at once.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    /// <exception cref="NpgsqlException">The database is away; the lease ends by itself.</exception>
    public async Task GiveBackAsync(
        LeasedDomain domain, DateTimeOffset? notBefore, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(GiveBack);
        command.Parameters.Add(new() { Value = domain.Id });
        command.Parameters.Add(new() { Value = domain.Lease });
        command.Parameters.Add(new NpgsqlParameter<DateTime?> { TypedValue = notBefore?.UtcDateTime });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    // After a query that found only names of full clusters, the next query waits for the usual pause.
    private async Task ClaimBeyondAsync(
        NpgsqlConnection connection, int most, ClaimRound round, CancellationToken cancellationToken)
    {
        if (_foundNothingAt is { } at && time.GetElapsedTime(at) < options.Value.LookInterval)
        {
            return;
        }

        var now = time.GetUtcNow().UtcDateTime;
        var before = round.Claimed;
        for (var look = 0; look < Looks && round.Claimed == before; look++)
        {
            await using var window = new NpgsqlCommand(EndOfWindow, connection)
            {
                Parameters = { new() { Value = _beyond }, new() { Value = now }, new() { Value = Window } },
            };
            var end = await window.ExecuteScalarAsync(cancellationToken) as DateTime?;
            await ClaimAsync(connection, _claimBeyond, most, round, [_beyond, end ?? now], cancellationToken);
            if (round.Claimed < most)
            {
                _beyond = end ?? DateTime.UnixEpoch;
            }

            if (end is null)
            {
                break;
            }
        }

        _foundNothingAt = round.Claimed == before ? time.GetTimestamp() : null;
    }

    private async Task ClaimAsync(
        NpgsqlConnection connection,
        string sql,
        int most,
        ClaimRound round,
        DateTime[] between,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var left = new List<Guid>();
        await using (var command = new NpgsqlCommand(sql, connection))
        {
            command.Parameters.Add(new() { Value = now.UtcDateTime });
            command.Parameters.Add(new() { Value = round.Lease });
            command.Parameters.Add(new() { Value = (now + options.Value.Lease).UtcDateTime });
            command.Parameters.Add(new() { Value = most - round.Claimed });
            command.Parameters.Add(new() { Value = round.Full.Select(cluster => cluster.Value).ToArray() });
            command.Parameters.Add(new() { Value = round.InWork.Keys.Select(cluster => cluster.Value).ToArray() });
            command.Parameters.Add(new() { Value = round.InWork.Values.ToArray() });
            command.Parameters.Add(new() { Value = round.Share });
            foreach (var moment in between)
            {
                command.Parameters.Add(new() { Value = moment });
            }

            await command.PrepareAsync(cancellationToken);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                round.Claimed++;
                if (Read(reader, round.Lease) is { } domain)
                {
                    round.Add(domain);
                }
                else
                {
                    left.Add(reader.GetGuid(0));
                }
            }
        }

        foreach (var id in left)
        {
            await using var leave = new NpgsqlCommand(Leave, connection)
            {
                Parameters = { new() { Value = id }, new() { Value = round.Lease } },
            };
            await leave.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static LeasedDomain? Read(NpgsqlDataReader reader, Guid lease)
    {
        // A row whose name is no host name cannot be checked.
        if (!reader.GetBoolean(7)
            || !HostName.TryParse(reader.GetString(2), out var host)
            || !HostName.TryParse(reader.GetString(3), out var target))
        {
            return null;
        }

        return new LeasedDomain
        {
            Id = reader.GetGuid(0),
            Lease = lease,
            Cluster = new ClusterId(reader.GetInt32(1)),
            Host = host,
            Target = target,
            RequestedAt = reader.IsDBNull(5) ? null : reader.GetFieldValue<DateTimeOffset>(5),
            Cause = reader.GetBoolean(6) ? CheckCause.Asked
                : reader.GetInt16(4) == (short)DomainStatus.Pending ? CheckCause.Polled
                : CheckCause.Daily,
            HasHttpLinks = reader.GetBoolean(8),
        };
    }
}

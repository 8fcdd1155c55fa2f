using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>
/// Takes tracking domains that are due: first those that somebody waits for, then those that are due longest, and of
/// one cluster no more than its share. What is taken is leased in its row, so that no two processes check one name, and
/// what a dead process took is due again when its lease ends.
/// </summary>
internal sealed class ClaimDomains(
    NpgsqlDataSource dataSource, IOptions<VerifierOptions> options, TimeProvider time)
{
    // Rows that another process has locked this moment are its own: skipped. Those over a cluster's share are found and
    // left.
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
            EXISTS (SELECT FROM management.clusters c WHERE c.id = d.cluster_id AND c.deleted_at IS NULL), d.https = 1
        """;

    // In the words of the index tracking_domains_asked, which holds few however many are due.
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

    // Rows of a full cluster that are passed over in one look, 2 ms, and looks in a row: a million of its names in
    // front of others must not cost a scan each time.
    private const int Window = 2000;
    private const int Looks = 5;

    private const string EndOfWindow =
        """
        SELECT next_check_at FROM domains.tracking_domains
        WHERE deleted_at IS NULL AND next_check_at > $1 AND next_check_at <= $2
        ORDER BY next_check_at OFFSET $3 LIMIT 1
        """;

    // A deleted cluster's names are nobody's to check; nobody is told either.
    private const string Leave =
        """
        UPDATE domains.tracking_domains
        SET next_check_at = NULL, check_requested_at = NULL, leased_by = NULL, leased_until = NULL
        WHERE id = $1 AND leased_by = $2
        """;

    // Nobody's, but not to be had before that: the row's dates stay what they say.
    private const string GiveBack =
        """
        UPDATE domains.tracking_domains SET leased_by = NULL, leased_until = $3 WHERE id = $1 AND leased_by = $2
        """;

    // Where the next look past full clusters begins; from the front again after the end.
    private DateTime _beyond = DateTime.UnixEpoch;
    private long? _foundNothingAt;

    /// <summary>Takes names that are due, whoever's they are and however many are in work.</summary>
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
        // Whoever has come to its share hides others behind it: they are looked for without it. Few ask at a time.
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
    /// <param name="domain">The domain; nothing happens when it is another's by now.</param>
    /// <param name="notBefore">When it may be taken again; <see langword="null"/>: at once.</param>
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

    // A look that found nothing but names of full clusters is not made again before the next pause has passed.
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
        // A name that is none is never verified; a check would only throw.
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

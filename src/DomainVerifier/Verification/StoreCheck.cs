using System.Data;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.DomainVerifier.Notices;

namespace Tracking.DomainVerifier.Verification;

/// <summary>
/// Stores a check with all its effects in one transaction: status, strikes, the next check, the history, the loss of
/// the name by another cluster, the default, and notices. The transaction requires the lease of the check. For a
/// deleted domain nothing is stored.
/// </summary>
internal sealed class StoreCheck(
    NpgsqlDataSource dataSource, IOptions<VerifierOptions> options, IOptions<SystemOptions> system)
{
    private const string SelectDomain =
        """
        SELECT status, status_since, check_requested_at, strikes, struck_at, pending_checks, is_default, wants_default,
            is_retired, verified_at, has_http_links OR (status = 1 AND https = 1), certificate_until,
            https = 1
        FROM domains.tracking_domains WHERE id = $1 AND leased_by = $2 AND deleted_at IS NULL FOR NO KEY UPDATE
        """;

    private const string CountWithoutEvidence =
        """
        SELECT count(*) FROM domains.checks WHERE domain_id = $1 AND id > coalesce(
            (SELECT id FROM domains.checks WHERE domain_id = $1 AND outcome <> 2 ORDER BY id DESC LIMIT 1),
            '00000000-0000-0000-0000-000000000000')
        """;

    // The other domain is demoted only while it is active. A process that checks it at the moment loses its lease and
    // its result.
    private const string TakeOver =
        """
        UPDATE domains.tracking_domains
        SET status = 0, status_since = $2, is_default = false, wants_default = false, strikes = 0, struck_at = NULL,
            pending_checks = 0, last_check = $3, last_checked_at = $2, next_check_at = $4,
            leased_by = NULL, leased_until = NULL
        WHERE id = $1 AND status = 1 AND deleted_at IS NULL
        """;

    private const string ClearDefault =
        """
        UPDATE domains.tracking_domains SET is_default = false WHERE cluster_id = $1 AND is_default AND id <> $2
        """;

    // A request since the lease makes the domain due at once. If browsers open the name only by https, http links are
    // dead, so https becomes required.
    private const string UpdateDomain =
        """
        UPDATE domains.tracking_domains
        SET status = $2, status_since = CASE WHEN status = $2 THEN status_since ELSE $3 END,
            verified_at = CASE WHEN $4 THEN $3 ELSE verified_at END, is_default = $5, wants_default = $6,
            strikes = $7, struck_at = $8, pending_checks = $9, last_check = $10, last_checked_at = greatest($3, $11),
            next_check_at = CASE WHEN check_requested_at IS DISTINCT FROM $11 THEN $3 ELSE $12 END,
            https = CASE WHEN $13 THEN 0 ELSE https END, has_http_links = has_http_links AND NOT $14,
            leased_by = NULL, leased_until = NULL
        WHERE id = $1
        """;

    private readonly VerifierOptions _options = options.Value;

    /// <summary>Stores the check.</summary>
    /// <param name="domain">The domain, leased.</param>
    /// <param name="result">The result of the check.</param>
    /// <param name="cancellationToken">Before the commit: nothing is stored.</param>
    /// <returns>How storing ended, the effect of the check, and whether https became required.</returns>
    /// <exception cref="NpgsqlException">The database is away or refuses.</exception>
    public async Task<(StoreCheckOutcome Outcome, CheckEffect Effect, bool RequiresHttps)> RunAsync(
        LeasedDomain domain, CheckResult result, CancellationToken cancellationToken)
    {
        try
        {
            return await StoreAsync(domain, result, cancellationToken);
        }
        catch (PostgresException refused) when (IsConflict(refused))
        {
            return (StoreCheckOutcome.Conflict, CheckEffect.Nothing, false);
        }
    }

    // Unique indexes allow one active row for a name and one default for a cluster, so the first transaction wins.
    private static bool IsConflict(PostgresException refused) =>
        refused.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure
        || refused is
        {
            SqlState: PostgresErrorCodes.UniqueViolation,
            ConstraintName: "tracking_domains_active" or "tracking_domains_default",
        };

    private async Task<(StoreCheckOutcome, CheckEffect, bool)> StoreAsync(
        LeasedDomain domain, CheckResult result, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(
            IsolationLevel.ReadCommitted, cancellationToken);
        if (await ReadAsync(connection, domain, result, cancellationToken) is not { } stored)
        {
            return (StoreCheckOutcome.Dropped, CheckEffect.Nothing, false);
        }

        var now = result.BeganAt;
        var decision = DecideEffect.For(stored.State, result.Outcome, now, _options);
        var becomesDefault = decision.Effect == CheckEffect.Activated
            && stored is { WantsDefault: true, IsRetired: false };
        var losesHttpLinks = LosesHttpLinks(stored, result, decision);
        await using var batch = new NpgsqlBatch(connection, transaction);
        if (decision.Effect == CheckEffect.Activated && result.Elsewhere is { } other)
        {
            TakeFrom(batch, other, domain, now);
        }

        if (becomesDefault)
        {
            batch.Add(ClearDefault, domain.Cluster.Value, domain.Id);
        }

        batch.Add(
            UpdateDomain,
            domain.Id,
            (short)decision.Status,
            now.UtcDateTime,
            result.Outcome == CheckOutcome.Verified,
            becomesDefault || (stored.IsDefault && decision.Status == DomainStatus.Active),
            stored.WantsDefault && !becomesDefault,
            decision.Strikes,
            decision.StruckAt?.UtcDateTime,
            decision.PendingChecks,
            new Json(result.Diagnosis.ToJson()),
            domain.RequestedAt?.UtcDateTime,
            decision.NextCheckAt?.UtcDateTime,
            result.ForcesHttps,
            losesHttpLinks);
        KeepCheck.AddTo(
            batch, domain.Id, domain.Cause, result.Outcome, decision.Effect, result.Diagnosis, now,
            _options.KeptChecks);
        if (Tell(domain, stored, result, decision) is { } notice)
        {
            notice.AddTo(batch);
        }

        if (losesHttpLinks)
        {
            new NewNotice(domain.Cluster, domain.Host, NoticeKind.HttpsForced, now, new NoticeFacts
            {
                Domain = domain.Id,
                Diagnosis = result.Diagnosis,
            }).AddTo(batch);
        }

        await batch.PrepareAsync(cancellationToken);
        await batch.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (StoreCheckOutcome.Stored, decision.Effect, result.ForcesHttps && stored.IsHttpsOptional);
    }

    // Browsers refuse http links in mail when a parent demands https and there is no certificate. On a pending name
    // they are dead anyway. It is told once: the row then forgets the links that were made until now.
    private bool LosesHttpLinks(Stored stored, CheckResult result, Decision decision) =>
        result.ForcesHttps
        && stored.HasHttpLinks
        && decision.Status == DomainStatus.Active
        && !(system.Value.TlsEndsInFront || stored.CertificateUntil > result.BeganAt);

    private void TakeFrom(NpgsqlBatch batch, ActiveElsewhere other, LeasedDomain domain, DateTimeOffset now)
    {
        var diagnosis = other.Diagnosis!;
        batch.Add(
            TakeOver,
            other.Id,
            now.UtcDateTime,
            new Json(diagnosis.ToJson()),
            DecideEffect.TakenOver(now, _options).NextCheckAt?.UtcDateTime);
        KeepCheck.AddTo(
            batch, other.Id, CheckCause.TakenOver, CheckOutcome.Contradicted, CheckEffect.Demoted, diagnosis, now,
            _options.KeptChecks);
        new NewNotice(other.Cluster, domain.Host, NoticeKind.Lost, now, new NoticeFacts
        {
            Domain = other.Id,
            Reason = NoticeFacts.TakenOver,
            Diagnosis = diagnosis,
        }).AddTo(batch);
    }

    private static NewNotice? Tell(LeasedDomain domain, Stored stored, CheckResult result, Decision decision)
    {
        var facts = new NoticeFacts { Domain = domain.Id, Diagnosis = result.Diagnosis };
        return decision.Effect switch
        {
            CheckEffect.Warned => Of(NoticeKind.Warning, facts with { LosesLinksAt = decision.NextCheckAt }),
            CheckEffect.Demoted => Of(NoticeKind.Lost, facts with { Reason = NoticeFacts.RecordGone }),
            CheckEffect.Recovered => Of(NoticeKind.Recovered, facts with { WasPending = false }),
            // After a first verification only the bus event is published, because the person who published the record
            // sees the result.
            CheckEffect.Activated => Of(NoticeKind.Recovered, facts with { WasPending = true }) with
            {
                IsMailed = stored.WasVerifiedBefore,
            },
            _ => null,
        };

        NewNotice Of(NoticeKind kind, NoticeFacts known) =>
            new(domain.Cluster, domain.Host, kind, result.BeganAt, known);
    }

    private static async Task<Stored?> ReadAsync(
        NpgsqlConnection connection, LeasedDomain domain, CheckResult result, CancellationToken cancellationToken)
    {
        Stored stored;
        await using (var command = new NpgsqlCommand(SelectDomain, connection)
        {
            Parameters = { new() { Value = domain.Id }, new() { Value = domain.Lease } },
        })
        {
            await command.PrepareAsync(cancellationToken);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            if (!await reader.ReadAsync(cancellationToken))
            {
                return null;
            }

            stored = new Stored(
                new DomainState
                {
                    Id = domain.Id,
                    Status = (DomainStatus)reader.GetInt16(0),
                    StatusSince = reader.GetFieldValue<DateTimeOffset>(1),
                    CheckRequestedAt = reader.IsDBNull(2) ? null : reader.GetFieldValue<DateTimeOffset>(2),
                    Strikes = reader.GetInt16(3),
                    StruckAt = reader.IsDBNull(4) ? null : reader.GetFieldValue<DateTimeOffset>(4),
                    PendingChecks = reader.GetInt32(5),
                },
                IsDefault: reader.GetBoolean(6),
                WantsDefault: reader.GetBoolean(7),
                IsRetired: reader.GetBoolean(8),
                WasVerifiedBefore: !reader.IsDBNull(9),
                HasHttpLinks: reader.GetBoolean(10),
                CertificateUntil: reader.IsDBNull(11) ? null : reader.GetFieldValue<DateTimeOffset>(11),
                IsHttpsOptional: reader.GetBoolean(12));
        }

        if (result.Outcome != CheckOutcome.NoEvidence)
        {
            return stored;
        }

        await using var count = new NpgsqlCommand(CountWithoutEvidence, connection)
        {
            Parameters = { new() { Value = domain.Id } },
        };
        var withoutEvidence = (int)(long)(await count.ExecuteScalarAsync(cancellationToken))!;
        return stored with { State = stored.State with { WithoutEvidence = withoutEvidence } };
    }

    private sealed record Stored(
        DomainState State, bool IsDefault, bool WantsDefault, bool IsRetired, bool WasVerifiedBefore,
        bool HasHttpLinks, DateTimeOffset? CertificateUntil, bool IsHttpsOptional);
}

/// <summary>A value of the type <c>jsonb</c>.</summary>
/// <param name="Text">The JSON.</param>
internal readonly record struct Json(string Text);

/// <summary>Statements of a batch in one line each.</summary>
internal static class BatchCommands
{
    /// <summary>Adds a statement. <see langword="null"/> becomes NULL, whose type follows from the statement.</summary>
    public static void Add(this NpgsqlBatch batch, string sql, params ReadOnlySpan<object?> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(value switch
            {
                Json json => new NpgsqlParameter { Value = json.Text, NpgsqlDbType = NpgsqlDbType.Jsonb },
                null => new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Unknown },
                _ => new NpgsqlParameter { Value = value },
            });
        }

        batch.BatchCommands.Add(command);
    }
}

using Npgsql;
using Tracking.Database.Entities;
using Tracking.Domains;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Adds a check to a domain's history, which keeps the newest.</summary>
internal static class KeepCheck
{
    private const string Insert =
        """
        INSERT INTO domains.checks (id, domain_id, at, cause, outcome, effect, diagnosis)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """;

    private const string Prune =
        """
        DELETE FROM domains.checks WHERE domain_id = $1 AND id <= (
            SELECT id FROM domains.checks WHERE domain_id = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)
        """;

    /// <summary>Adds the statements that store the check.</summary>
    /// <param name="batch">The transaction's batch.</param>
    /// <param name="domain">The domain's id.</param>
    /// <param name="cause">The cause of the check.</param>
    /// <param name="outcome">The outcome of the check.</param>
    /// <param name="effect">The effect of the check.</param>
    /// <param name="diagnosis">The diagnosis.</param>
    /// <param name="at">When the check was made.</param>
    /// <param name="kept">Checks kept for each domain.</param>
    public static void AddTo(
        NpgsqlBatch batch,
        Guid domain,
        CheckCause cause,
        CheckOutcome outcome,
        CheckEffect effect,
        DomainDiagnosis diagnosis,
        DateTimeOffset at,
        int kept)
    {
        // A check that found the same as the one before is stored without its hops. The domain's row has the hops of
        // the last check, and the history of a million names would otherwise be mostly repetitions.
        var isUnremarkable = outcome == CheckOutcome.Verified && effect == CheckEffect.Nothing;
        var told = isUnremarkable ? diagnosis with { Hops = [] } : diagnosis;
        batch.Add(
            Insert, Guid.CreateVersion7(at), domain, at.UtcDateTime, (short)cause, (short)outcome, (short)effect,
            new Json(told.ToJson()));
        batch.Add(Prune, domain, kept);
    }
}

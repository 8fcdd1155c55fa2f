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

    /// <summary>Adds the statements.</summary>
    /// <param name="batch">The transaction's batch.</param>
    /// <param name="domain">The domain's id.</param>
    /// <param name="cause">Why it was checked.</param>
    /// <param name="outcome">What the check showed.</param>
    /// <param name="effect">What followed.</param>
    /// <param name="diagnosis">What DNS said.</param>
    /// <param name="at">When.</param>
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
        // Day after day the same way to the same target: the row of the domain has the last one, and the history of a
        // million names would be nothing else.
        var isUnremarkable = outcome == CheckOutcome.Verified && effect == CheckEffect.Nothing;
        var told = isUnremarkable ? diagnosis with { Hops = [] } : diagnosis;
        batch.Add(
            Insert, Guid.CreateVersion7(at), domain, at.UtcDateTime, (short)cause, (short)outcome, (short)effect,
            new Json(told.ToJson()));
        batch.Add(Prune, domain, kept);
    }
}

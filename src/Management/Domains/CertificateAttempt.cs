using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Requests;

namespace Tracking.Management.Domains;

/// <summary>A step on the way to a certificate.</summary>
/// <param name="Id">The id.</param>
/// <param name="At">When.</param>
/// <param name="Authority">The ACME directory of the authority; null where it was not asked.</param>
/// <param name="Step">check (the service's own look), order, challenge, finalize, download, stored (in use from
/// then on) or revoked.</param>
/// <param name="Succeeded">Whether the step succeeded.</param>
/// <param name="Problem">Why the step failed: type, detail in the words of the authority, and subproblems.</param>
/// <param name="NextAt">When the next attempt begins.</param>
internal sealed record CertificateAttempt(
    Guid Id, DateTimeOffset At, string? Authority, string Step, bool Succeeded, JsonNode? Problem,
    DateTimeOffset? NextAt)
{
    // The words are in the order of the stored numbers.
    private static readonly string[] _steps =
        ["check", "order", "challenge", "finalize", "download", "stored", "revoked"];

    /// <summary>Reads a page of a name's attempts, newest first.</summary>
    /// <param name="db">The database.</param>
    /// <param name="cluster">The name's cluster; <see langword="null"/> for one of the operator's own hosts.</param>
    /// <param name="hostname">The name, A-labels.</param>
    /// <param name="limit">Attempts at most.</param>
    /// <param name="after">The attempt before which the page begins; <see langword="null"/> for the newest.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    /// <returns>The attempts, and the value of <c>after</c> for older ones; null after the last.</returns>
    public static async Task<(IReadOnlyList<CertificateAttempt> Items, string? Next)> ReadAsync(
        TrackingDb db,
        ClusterId? cluster,
        string hostname,
        int limit,
        Guid? after,
        CancellationToken cancellationToken)
    {
        var rows = await db.Database.SqlQuery<AttemptRow>(
            $"""
            SELECT id "Id", at "At", directory "Authority", step "Step", succeeded "Succeeded",
                problem::text "Problem", next_at "NextAt"
            FROM certificates.attempts
            WHERE hostname = {hostname} AND cluster_id IS NOT DISTINCT FROM {cluster?.Value}::integer
                AND ({after}::uuid IS NULL OR id < {after})
            ORDER BY id DESC
            LIMIT {limit + 1}
            """).ToListAsync(cancellationToken);
        return (
            [.. rows.Take(limit).Select(Of)],
            rows.Count > limit ? Cursor.OfAttempt(rows[limit - 1].Id) : null);
    }

    private static CertificateAttempt Of(AttemptRow row) => new(
        row.Id,
        row.At,
        row.Authority,
        _steps[row.Step],
        row.Succeeded,
        row.Problem is { } problem ? JsonNode.Parse(problem) : null,
        row.NextAt);

    private sealed class AttemptRow
    {
        public required Guid Id { get; init; }

        public required DateTimeOffset At { get; init; }

        public string? Authority { get; init; }

        public required short Step { get; init; }

        public required bool Succeeded { get; init; }

        public string? Problem { get; init; }

        public DateTimeOffset? NextAt { get; init; }
    }
}

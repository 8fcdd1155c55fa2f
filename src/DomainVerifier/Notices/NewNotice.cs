using Npgsql;
using Tracking.Database.Entities;
using Tracking.DomainVerifier.Verification;
using Tracking.Links;

namespace Tracking.DomainVerifier.Notices;

/// <summary>A notice, to be stored in the transaction of what it tells.</summary>
/// <param name="Cluster">Who is told.</param>
/// <param name="Host">Of which tracking domain.</param>
/// <param name="Kind">What.</param>
/// <param name="At">When it happened.</param>
/// <param name="Facts">The facts.</param>
internal sealed record NewNotice(
    ClusterId Cluster, HostName Host, NoticeKind Kind, DateTimeOffset At, NoticeFacts Facts)
{
    private const string Insert =
        """
        INSERT INTO domains.notices (id, cluster_id, hostname, kind, at, facts, mailed_at, next_attempt_at)
        VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7 THEN NULL ELSE $5 END, $5)
        """;

    /// <summary>Whether people are told too, and not programs alone.</summary>
    public bool IsMailed { get; init; } = true;

    /// <summary>Adds the statement.</summary>
    public void AddTo(NpgsqlBatch batch) => batch.Add(
        Insert, Guid.CreateVersion7(At), Cluster.Value, Host.Value, (short)Kind, At.UtcDateTime,
        new Json(Facts.ToJson()), IsMailed);
}

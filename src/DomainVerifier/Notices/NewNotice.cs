using Npgsql;
using Tracking.Database.Entities;
using Tracking.DomainVerifier.Verification;
using Tracking.Links;

namespace Tracking.DomainVerifier.Notices;

/// <summary>A new notice, stored in the transaction of the event that it tells of.</summary>
/// <param name="Cluster">The cluster that is told.</param>
/// <param name="Host">The tracking domain.</param>
/// <param name="Kind">The kind of event.</param>
/// <param name="At">When the event happened.</param>
/// <param name="Facts">The facts.</param>
internal sealed record NewNotice(
    ClusterId Cluster, HostName Host, NoticeKind Kind, DateTimeOffset At, NoticeFacts Facts)
{
    private const string Insert =
        """
        INSERT INTO domains.notices (id, cluster_id, hostname, kind, at, facts, mailed_at, next_attempt_at)
        VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7 THEN NULL ELSE $5 END, $5)
        """;

    /// <summary>Whether mail is sent besides the bus event.</summary>
    public bool IsMailed { get; init; } = true;

    /// <summary>Adds the statement that stores the notice.</summary>
    public void AddTo(NpgsqlBatch batch) => batch.Add(
        Insert, Guid.CreateVersion7(At), Cluster.Value, Host.Value, (short)Kind, At.UtcDateTime,
        new Json(Facts.ToJson()), IsMailed);
}

using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Audit;

/// <summary>A change, for the audit log.</summary>
/// <param name="Action">What was done, kebab-case: <c>create-cluster</c>.</param>
/// <param name="Subject">What it was done to: a host name, a key's or a cluster's id.</param>
/// <param name="Cluster">The cluster that was changed; <see langword="null"/> for what belongs to none.</param>
/// <param name="Before">How it was; written as JSON, so it must hold no secret.</param>
/// <param name="After">How it became; as <paramref name="Before"/>.</param>
internal sealed record AuditedChange(
    string Action, string Subject, ClusterId? Cluster = null, object? Before = null, object? After = null);

/// <summary>Writes a change into the audit log, in the transaction that makes it: there is no change without its entry
/// and no entry without its change.</summary>
internal static class RecordChange
{
    /// <summary>Writes it with the context's transaction, which must have been begun.</summary>
    public static Task AddAsync(
        TrackingDb db, ApiKeyHolder holder, AuditedChange change, TimeProvider time, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO management.audit_log (id, at, cluster_id, api_key_id, actor, action, subject, before, after)
            VALUES ({Guid.CreateVersion7(now)}, {now}, {change.Cluster?.Value}::integer, {holder.KeyId},
                coalesce((SELECT name FROM management.api_keys WHERE id = {holder.KeyId}), ''),
                {change.Action}, {change.Subject}, {Json(change.Before)}::jsonb, {Json(change.After)}::jsonb)
            """,
            cancellationToken);
    }

    private static string? Json(object? value) =>
        value is null ? null : JsonSerializer.Serialize(value, ClusterSettings.Json);
}

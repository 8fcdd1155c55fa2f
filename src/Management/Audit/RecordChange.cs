using System.Text.Json;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using NpgsqlTypes;
using Tracking.Api;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Audit;

/// <summary>A change, for the audit log.</summary>
/// <param name="Action">The kind of change, kebab-case: <c>create-cluster</c>.</param>
/// <param name="Subject">What was changed: a host name, or the id of a key or a cluster.</param>
/// <param name="Cluster">The cluster that was changed; <see langword="null"/> if the subject belongs to none.</param>
/// <param name="Before">The state before, written as JSON, so it must contain no secret.</param>
/// <param name="After">The state after, in the form of <paramref name="Before"/>.</param>
internal sealed record AuditedChange(
    string Action, string Subject, ClusterId? Cluster = null, object? Before = null, object? After = null);

/// <summary>Writes a change into the audit log, in the transaction of the change. So no change is without its entry,
/// and no entry without its change.</summary>
internal static class RecordChange
{
    /// <summary>Writes the change in the context's transaction.</summary>
    /// <exception cref="InvalidOperationException">The context has no transaction.</exception>
    public static Task AddAsync(
        TrackingDb db,
        ApiKeyHolder holder,
        AuditedChange change,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var transaction = db.Database.CurrentTransaction?.GetDbTransaction()
            ?? throw new InvalidOperationException("A change and its entry are one transaction.");
        return AddAsync((NpgsqlTransaction)transaction, holder, change, time, cancellationToken);
    }

    /// <summary>Writes the change in a transaction.</summary>
    public static async Task AddAsync(
        NpgsqlTransaction transaction,
        ApiKeyHolder holder,
        AuditedChange change,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO management.audit_log (id, at, cluster_id, api_key_id, actor, action, subject, before, after)
            SELECT $1, $2, $3, $4, coalesce((SELECT name FROM management.api_keys WHERE id = $4), ''), $5, $6, $7, $8
            """,
            transaction.Connection,
            transaction)
        {
            Parameters =
            {
                new() { Value = Guid.CreateVersion7(now) },
                new() { Value = now },
                new() { Value = (object?)change.Cluster?.Value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer },
                new() { Value = holder.KeyId },
                new() { Value = change.Action },
                new() { Value = change.Subject },
                Json(change.Before),
                Json(change.After),
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlParameter Json(object? value) => new()
    {
        Value = value is null ? DBNull.Value : JsonSerializer.Serialize(value, ClusterSettings.Json),
        NpgsqlDbType = NpgsqlDbType.Jsonb,
    };
}

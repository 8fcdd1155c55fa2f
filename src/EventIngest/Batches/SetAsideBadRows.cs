using Npgsql;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.EventIngest.Privacy;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Stores a batch of which PostgreSQL refuses a row. The batch is halved, each half under a savepoint, until the
/// failing part is a single row. That row is rejected with PostgreSQL's error text, or left out if it repeats an id
/// that was stored a moment ago. All other rows are stored. Each halving costs about two COPYs for each bad row, so
/// this class is only for rows that no earlier check refuses.
/// </summary>
internal sealed class SetAsideBadRows(
    NpgsqlTransaction transaction, Func<NpgsqlConnection, ReadOnlyMemory<byte>, CancellationToken, Task> copy)
{
    private const string Savepoint = "part";

    /// <summary>Whether the rows caused an error, so that it would come back with them.</summary>
    public static bool IsDataError(PostgresException exception) =>
        StoreAway.FaultOf(exception) == StoreFault.Content;

    /// <summary>Stores every row that PostgreSQL accepts. The other events of <paramref name="prepared"/> become
    /// rejected or repeats.</summary>
    public async Task RunAsync(
        StoreEventBatch batch, PreparedBatch prepared, BatchPolicies policies, CancellationToken cancellationToken)
    {
        var refused = new Dictionary<int, RefusedEvent>();
        var repeats = new HashSet<int>();
        var parts = new Stack<(int First, int Count)>();
        parts.Push((0, prepared.Events.Count));
        while (parts.TryPop(out var part))
        {
            if (part.Count == 0 || await TryCopyAsync(prepared, part, cancellationToken) is not { } error)
            {
                continue;
            }

            if (part.Count == 1 && SetAsideRepeats.IsRepeat(error))
            {
                repeats.Add(part.First);
                continue;
            }

            if (part.Count == 1)
            {
                refused.Add(part.First, Reject(batch, prepared.Events[part.First], policies, error));
                continue;
            }

            var half = part.Count / 2;
            parts.Push((part.First + half, part.Count - half));
            parts.Push((part.First, half));
        }

        prepared.TakeOut(refused, repeats);
    }

    private async Task<PostgresException?> TryCopyAsync(
        PreparedBatch prepared, (int First, int Count) part, CancellationToken cancellationToken)
    {
        await transaction.SaveAsync(Savepoint, cancellationToken);
        try
        {
            await copy(transaction.Connection!, prepared.RowsOf(part.First, part.Count), cancellationToken);
            await transaction.ReleaseAsync(Savepoint, cancellationToken);
            return null;
        }
        catch (PostgresException exception) when (IsDataError(exception))
        {
            await transaction.RollbackAsync(Savepoint, cancellationToken);
            return exception;
        }
    }

    private static RefusedEvent Reject(
        StoreEventBatch batch, in PreparedRow row, BatchPolicies policies, PostgresException error)
    {
        EventRecord.ReadFrame(batch.Events.AsSpan(row.Frame), out var record, out _);
        return new RefusedEvent(
            row.Position,
            Refusal.RefusedByDatabase,
            $"{error.SqlState} {error.MessageText}",
            record.Id,
            record.Cluster,
            PrepareBatch.KeptFrame(record, PrepareBatch.PolicyOf(record, policies)));
    }
}

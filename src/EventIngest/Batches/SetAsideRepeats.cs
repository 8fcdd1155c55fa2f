using Npgsql;
using NpgsqlTypes;
using Tracking.Contracts;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Removes from a batch the events whose id is already stored, or appears earlier in the batch. This happens when a
/// gateway gave one id to a request that reached two edges. Both are one event: the first to arrive is kept, and the
/// second is only counted as a repeat. The look-up is done after a COPY has met such an id, so a batch without repeats
/// does not pay for it.
/// </summary>
internal static class SetAsideRepeats
{
    // The bounds exclude every partition that cannot have these ids.
    private const string SelectStored =
        "SELECT id FROM ingest.events WHERE id = ANY($1) AND id BETWEEN $2 AND $3";

    private static readonly Dictionary<int, RefusedEvent> _noneRefused = [];

    /// <summary>Whether an error is a repeated id: <c>ingest.events</c> has no other unique index.</summary>
    public static bool IsRepeat(PostgresException exception) =>
        exception.SqlState == PostgresErrorCodes.UniqueViolation;

    /// <summary>Removes the repeats from <see cref="PreparedBatch.Events"/>.</summary>
    /// <param name="connection">A connection in the transaction that stores the batch.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="prepared">Its events.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task RunAsync(
        NpgsqlConnection connection, StoreEventBatch batch, PreparedBatch prepared, CancellationToken cancellationToken)
    {
        var ids = prepared.Events.Select(stored => IdOf(batch, stored)).ToArray();
        var seen = await FindStoredAsync(connection, ids, cancellationToken);
        var repeats = new HashSet<int>();
        for (var index = 0; index < ids.Length; index++)
        {
            if (!seen.Add(ids[index]))
            {
                repeats.Add(index);
            }
        }

        prepared.TakeOut(_noneRefused, repeats);
    }

    private static async Task<HashSet<Guid>> FindStoredAsync(
        NpgsqlConnection connection, Guid[] ids, CancellationToken cancellationToken)
    {
        var stored = new HashSet<Guid>();
        if (ids.Length == 0)
        {
            return stored;
        }

        // Guid compares as PostgreSQL does: byte by byte in the order in which it is written.
        await using var command = new NpgsqlCommand(SelectStored, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<Guid[]>
                {
                    TypedValue = ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid,
                },
                new NpgsqlParameter<Guid> { TypedValue = ids.Min() },
                new NpgsqlParameter<Guid> { TypedValue = ids.Max() },
            },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            stored.Add(reader.GetGuid(0));
        }

        return stored;
    }

    private static Guid IdOf(StoreEventBatch batch, in PreparedRow row) =>
        EventRecord.IdOf(batch.Events.AsSpan(row.Frame));
}

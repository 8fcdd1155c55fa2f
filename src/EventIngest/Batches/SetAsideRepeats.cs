using Npgsql;
using NpgsqlTypes;
using Tracking.Contracts;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Takes out of a batch the events whose id is stored already, or stands in the batch before: a gateway gave one id to
/// a request that reached two edges. It is one event; the first that comes is kept, and its repeat is nobody's fault
/// and counted only as that. Done when a COPY has met such an id, so a batch without one does not pay for it.
/// </summary>
internal static class SetAsideRepeats
{
    // The bounds leave out every partition that has none of them.
    private const string SelectStored =
        "SELECT id FROM ingest.events WHERE id = ANY($1) AND id BETWEEN $2 AND $3";

    private static readonly Dictionary<int, RefusedEvent> _noneRefused = [];

    /// <summary>Whether an error is a repeated id: <c>ingest.events</c> has no other unique index.</summary>
    public static bool IsRepeat(PostgresException exception) =>
        exception.SqlState == PostgresErrorCodes.UniqueViolation;

    /// <summary>Takes them out of <see cref="PreparedBatch.Events"/>.</summary>
    /// <param name="connection">In the transaction that stores the batch.</param>
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

        // Guid compares as PostgreSQL does: from the first byte as it is written.
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

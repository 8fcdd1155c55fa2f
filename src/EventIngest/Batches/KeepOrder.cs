using System.Runtime.InteropServices;
using Npgsql;
using NpgsqlTypes;
using Tracking.Contracts;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Writes which events a batch has stored, one row for each cluster, in the transaction that stores the events. A
/// program that reads events in the order in which they were stored reads these rows. The reader numbers the rows
/// (<c>ingest.stored_events</c>), so storing never waits for another transaction.
/// </summary>
internal static class KeepOrder
{
    private const string Insert =
        """
        INSERT INTO ingest.stored_events (cluster_id, id, event_ids)
        SELECT cluster_id, gen_random_uuid(), array_agg(event_id ORDER BY n)
        FROM unnest($1::integer[], $2::uuid[]) WITH ORDINALITY AS stored (cluster_id, event_id, n)
        GROUP BY cluster_id
        """;

    /// <summary>The statement that writes the rows of a batch.</summary>
    public static NpgsqlBatchCommand ToCommand(StoreEventBatch batch, PreparedBatch prepared)
    {
        var clusters = new int[prepared.Events.Count];
        var ids = new Guid[prepared.Events.Count];
        var index = 0;
        foreach (ref readonly var stored in CollectionsMarshal.AsSpan(prepared.Events))
        {
            clusters[index] = stored.Counted.Cluster;
            ids[index++] = EventRecord.IdOf(batch.Events.AsSpan(stored.Frame));
        }

        return new NpgsqlBatchCommand(Insert)
        {
            Parameters =
            {
                new NpgsqlParameter<int[]> { TypedValue = clusters },
                new NpgsqlParameter<Guid[]>
                {
                    TypedValue = ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid,
                },
            },
        };
    }
}

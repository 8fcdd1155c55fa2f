using System.Runtime.InteropServices;
using Npgsql;
using NpgsqlTypes;
using Tracking.Contracts;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Writes which events a batch has stored, a row for each cluster, in the transaction that stores them. Whoever asks
/// for events in the order of their storing reads these rows; the reader numbers them (<c>ingest.stored_events</c>),
/// so that storing waits for nobody.
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

    /// <summary>The statement for the events that are stored.</summary>
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

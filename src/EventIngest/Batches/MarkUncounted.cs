using Npgsql;
using NpgsqlTypes;
using Tracking.Contracts;
using Tracking.Database.Entities;

namespace Tracking.EventIngest.Batches;

/// <summary>
/// Notes in their rows which events of a batch count nowhere, in the transaction that stores them. Their messages say
/// so, and those are looked up beside the COPY: waiting for the answer first would cost every batch more than a second
/// statement costs the few that have such events.
/// </summary>
internal static class MarkUncounted
{
    private const string Update =
        """
        UPDATE ingest.events e SET uncounted = u.why FROM unnest($1::uuid[], $2::smallint[]) AS u (id, why)
        WHERE e.id = u.id AND e.id BETWEEN $3 AND $4
        """;

    /// <summary>The statement; <see langword="null"/> when all of them count.</summary>
    public static NpgsqlBatchCommand? ToCommand(
        StoreEventBatch batch, IReadOnlyList<(PreparedRow Event, WhyUncounted Why)> uncounted)
    {
        if (uncounted.Count == 0)
        {
            return null;
        }

        Guid[] ids = [.. uncounted.Select(one => EventRecord.IdOf(batch.Events.AsSpan(one.Event.Frame)))];
        return new NpgsqlBatchCommand(Update)
        {
            Parameters =
            {
                new NpgsqlParameter<Guid[]>
                {
                    TypedValue = ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid,
                },
                new NpgsqlParameter<short[]> { TypedValue = [.. uncounted.Select(one => (short)one.Why)] },
                new NpgsqlParameter<Guid> { TypedValue = ids.Min() },
                new NpgsqlParameter<Guid> { TypedValue = ids.Max() },
            },
        };
    }
}

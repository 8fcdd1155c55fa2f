using System.Runtime.InteropServices;
using Npgsql;
using NpgsqlTypes;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>What one row of <c>ingest.link_hours</c> counts.</summary>
/// <param name="Cluster">The cluster's number.</param>
/// <param name="Hour">Hours since 1970-01-01 UTC.</param>
/// <param name="Kind">What was fetched.</param>
/// <param name="Link">The destination.</param>
/// <param name="Verdict">Who or what fetched it.</param>
internal readonly record struct LinkHourKey(int Cluster, int Hour, LinkKind Kind, ulong Link, Verdict Verdict)
{
    // The generated hash asks five comparers; the link's bits are a hash already.
    public override int GetHashCode() =>
        (int)Link ^ (int)(Link >> 32) ^ (Cluster * 31) ^ (Hour << 8) ^ ((int)Kind << 4) ^ (int)Verdict;

    public bool Equals(LinkHourKey other) => Link == other.Link && Cluster == other.Cluster && Hour == other.Hour
        && Kind == other.Kind && Verdict == other.Verdict;
}

/// <summary>Adds up a batch's events and writes the totals, in the transaction that stores the rows.</summary>
internal sealed class AddToTotals
{
    // Rows are locked in key order: two batches that count the same links wait for each other, never in a circle.
    private const string Upsert =
        """
        INSERT INTO ingest.link_hours AS t (cluster_id, hour, kind, link_id, verdict, count)
        SELECT * FROM unnest(
            $1::integer[], $2::timestamptz[], $3::smallint[], $4::bigint[], $5::smallint[], $6::bigint[])
        ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (cluster_id, hour, kind, link_id, verdict) DO UPDATE SET count = t.count + excluded.count
        """;

    private readonly Dictionary<LinkHourKey, int> _counts = [];

    /// <summary>The totals so far.</summary>
    public IReadOnlyDictionary<LinkHourKey, int> Counts => _counts;

    /// <summary>Counts one event.</summary>
    public void Add(in LinkHourKey key) => CollectionsMarshal.GetValueRefOrAddDefault(_counts, key, out _)++;

    /// <summary>The statement that adds the totals to the table.</summary>
    public NpgsqlBatchCommand ToCommand()
    {
        var clusters = new int[_counts.Count];
        var hours = new DateTime[_counts.Count];
        var kinds = new short[_counts.Count];
        var links = new long[_counts.Count];
        var verdicts = new short[_counts.Count];
        var counts = new long[_counts.Count];
        var i = 0;
        foreach (var (key, count) in _counts)
        {
            clusters[i] = key.Cluster;
            hours[i] = DateTime.UnixEpoch.AddTicks(key.Hour * TimeSpan.TicksPerHour);
            kinds[i] = (short)key.Kind;
            links[i] = new LinkId(key.Link).ToInt64();
            verdicts[i] = (short)key.Verdict;
            counts[i++] = count;
        }

        return new NpgsqlBatchCommand(Upsert)
        {
            Parameters =
            {
                new NpgsqlParameter<int[]> { TypedValue = clusters },
                new NpgsqlParameter<DateTime[]>
                {
                    TypedValue = hours, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
                },
                new NpgsqlParameter<short[]> { TypedValue = kinds },
                new NpgsqlParameter<long[]> { TypedValue = links },
                new NpgsqlParameter<short[]> { TypedValue = verdicts },
                new NpgsqlParameter<long[]> { TypedValue = counts },
            },
        };
    }
}

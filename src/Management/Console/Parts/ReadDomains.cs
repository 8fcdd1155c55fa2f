using Microsoft.EntityFrameworkCore;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Management.Statistics;

namespace Tracking.Management.Console.Parts;

/// <summary>Reads tracking domains for the list. Domains that need a person come first.</summary>
internal static class ReadDomains
{
    public static Task<List<TrackingDomain>> PageAsync(
        TrackingDb db, ClusterId cluster, string? part, int skip, int count, CancellationToken cancellationToken)
    {
        var text = part?.Trim().ToLowerInvariant();
        if (HostName.TryParse(text, out var host))
        {
            text = host.Value;
        }

        return db.TrackingDomains.FromSql(
            $"""
            SELECT d.* FROM domains.tracking_domains d
            WHERE d.cluster_id = {cluster.Value} AND d.deleted_at IS NULL
              AND ({text}::text IS NULL OR strpos(d.hostname, {text}) > 0)
            ORDER BY (d.strikes > 0 OR (d.status = 0 AND d.verified_at IS NOT NULL)) DESC, d.is_default DESC, d.hostname
            OFFSET {skip} LIMIT {count}
            """).AsNoTracking().ToListAsync(cancellationToken);
    }

    /// <summary>The domains that need a person.</summary>
    public static Task<List<TrackingDomain>> NeedingAsync(
        TrackingDb db, ClusterId cluster, int count, CancellationToken cancellationToken) =>
        db.TrackingDomains.FromSqlRaw(
            $"SELECT d.* FROM domains.tracking_domains d WHERE d.cluster_id = {{0}} AND {FrameFacts.NeedsYou} "
                + "ORDER BY d.hostname LIMIT {1}",
            cluster.Value,
            count).AsNoTracking().ToListAsync(cancellationToken);

    /// <summary>People's clicks of the last seven days by tracking host, one number for each day. The last day ends
    /// now.</summary>
    public static async Task<ILookup<string, (int Day, long Clicks)>> WeekAsync(
        ApiDataSource dataSource, ClusterId cluster, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var range = CountedRange.Around(now.AddDays(-7), now);
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT c.key, (c.bucket - {range.From}) / {CountBucket.PerDay}, sum(c.clicks_people)::bigint
            FROM {range.Source(CountDimension.Host, inQuarters: true)}
            GROUP BY 1, 2
            """);
        command.Parameters.Add(new() { Value = cluster.Value });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<(string Host, int Day, long Clicks)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add((reader.GetString(0), Math.Clamp(reader.GetInt32(1), 0, 6), reader.GetInt64(2)));
        }

        return rows.ToLookup(row => row.Host, row => (row.Day, row.Clicks));
    }
}

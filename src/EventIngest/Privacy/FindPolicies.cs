using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;
using Tracking.Links;

namespace Tracking.EventIngest.Privacy;

/// <summary>The policies under which a batch's events are stored.</summary>
/// <param name="Clusters">Every cluster in the batch; null for a cluster that has never existed.</param>
/// <param name="Restricted">The messages in the batch that were sent under a stricter level than full, or whose
/// recipient withdrew, with that level.</param>
/// <param name="Withdrawal">The last withdrawal that the policies include. After a later withdrawal they may be
/// wrong.</param>
internal sealed record BatchPolicies(
    IReadOnlyDictionary<int, ClusterPolicy?> Clusters,
    IReadOnlyDictionary<(int Cluster, MessageKey Message), TrackingLevel> Restricted,
    long Withdrawal);

/// <summary>
/// Finds which data of a batch's events may be kept. Events of a deleted cluster are stored under its last settings:
/// the click was answered while the link worked, and every answer becomes a row. Clusters that the directory does not
/// know, or no longer knows, are read from the database. If settings cannot be read, nothing personal is kept. The
/// batch is not refused, because it has events of other clusters too and would come back for ever.
/// </summary>
internal sealed partial class FindPolicies(
    ClusterDirectory directory, NpgsqlDataSource dataSource, ILogger<FindPolicies>? logger = null)
{
    private const string SelectClusters =
        "SELECT id, settings, deleted_at IS NOT NULL FROM management.clusters WHERE id = ANY($1)";

    // One probe of a partial index for each cluster. A cluster without such messages has no entry there.
    private const string SelectRestrictedClusters =
        """
        SELECT c FROM unnest($1::integer[]) c
        WHERE EXISTS (SELECT FROM rewrite.messages m WHERE m.cluster_id = c AND m.tracking_level <> 0)
        """;

    /// <summary>The number of the last committed withdrawal.</summary>
    public const string SelectWithdrawal = "SELECT coalesce(max(number), 0) FROM rewrite.withdrawals";

    private const string SelectRestrictedMessages =
        """
        SELECT m.cluster_id, m.message_key, m.tracking_level
        FROM (SELECT DISTINCT * FROM unnest($1::integer[], $2::bytea[]) AS wanted (cluster_id, message_key)) wanted
        JOIN rewrite.messages m USING (cluster_id, message_key)
        WHERE m.tracking_level <> 0
        """;

    private readonly ILogger _logger = logger ?? NullLogger<FindPolicies>.Instance;

    // The faults that were logged: each fault is logged once, not with every batch.
    private readonly ConcurrentDictionary<int, string> _told = new();

    // A deleted cluster never comes back and never changes. There are only as many entries as deleted clusters.
    private readonly ConcurrentDictionary<int, ClusterPolicy> _deleted = new();

    /// <summary>Finds the policies of all readable events.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task<BatchPolicies> RunAsync(ReadOnlyMemory<byte> events, CancellationToken cancellationToken)
    {
        var policies = new Dictionary<int, ClusterPolicy?>();
        foreach (var cluster in ClustersOf(events.Span))
        {
            policies.Add(cluster, Known(cluster));
        }

        if (policies.Any(policy => policy.Value is null))
        {
            await AskAsync(policies, cancellationToken);
        }

        // The last withdrawal is read before the data that it may have changed.
        var withdrawal = (await ReadAsync(SelectWithdrawal, [], row => row.GetInt64(0), cancellationToken)).Single();
        var candidates = policies
            .Where(policy => policy.Value is { IsAnonymous: false })
            .Select(policy => policy.Key)
            .ToArray();
        var restricted = candidates.Length == 0
            ? []
            : await ReadAsync(
                SelectRestrictedClusters, [new() { Value = candidates }], row => row.GetInt32(0), cancellationToken);
        return new BatchPolicies(
            policies, await RestrictedMessagesAsync(events, restricted, cancellationToken), withdrawal);
    }

    private static HashSet<int> ClustersOf(ReadOnlySpan<byte> events)
    {
        var clusters = new HashSet<int>();
        var last = -1;
        while (EventRecord.ReadFrame(events, out var record, out var size) is var outcome and not FrameOutcome.Torn)
        {
            events = events[size..];
            if (outcome == FrameOutcome.Whole && record.Cluster != last)
            {
                clusters.Add(last = record.Cluster);
            }
        }

        return clusters;
    }

    private ClusterPolicy? Known(int cluster) =>
        directory.TryGet(new ClusterId(cluster), out var known) ? known.Policy
        : _deleted.TryGetValue(cluster, out var deleted) ? deleted
        : null;

    private async Task AskAsync(Dictionary<int, ClusterPolicy?> policies, CancellationToken cancellationToken)
    {
        var missing = policies.Where(policy => policy.Value is null).Select(policy => policy.Key).ToArray();
        var found = await ReadAsync(
            SelectClusters,
            [new() { Value = missing }],
            row => (
                Cluster: row.GetInt32(0),
                Settings: Read(row.GetInt32(0), row.GetString(1)),
                IsDeleted: row.GetBoolean(2)),
            cancellationToken);
        foreach (var (cluster, settings, isDeleted) in found)
        {
            var policy = ClusterPolicy.From(settings);
            policies[cluster] = policy;
            if (isDeleted)
            {
                _deleted.TryAdd(cluster, policy);
            }
        }
    }

    private ClusterSettings Read(int cluster, string json)
    {
        if (ClusterSettings.TryRead(json, out var wrong) is { } settings)
        {
            return settings;
        }

        if (!_told.TryGetValue(cluster, out var before) || before != wrong)
        {
            _told[cluster] = wrong;
            LogUnreadable(new ClusterId(cluster), wrong);
        }

        return ClusterSettings.InPlaceOfUnreadable;
    }

    private async Task<IReadOnlyDictionary<(int Cluster, MessageKey Message), TrackingLevel>> RestrictedMessagesAsync(
        ReadOnlyMemory<byte> events, List<int> clusters, CancellationToken cancellationToken)
    {
        var restricted = new Dictionary<(int Cluster, MessageKey Message), TrackingLevel>();
        if (clusters.Count == 0)
        {
            return restricted;
        }

        var (wantedClusters, wantedMessages) = MessagesOf(events.Span, [.. clusters]);
        foreach (var (key, level) in await ReadAsync(
            SelectRestrictedMessages,
            [new() { Value = wantedClusters }, new() { Value = wantedMessages }],
            row => (
                (row.GetInt32(0), MessageKey.Read(row.GetFieldValue<byte[]>(1))), (TrackingLevel)row.GetInt16(2)),
            cancellationToken))
        {
            restricted[key] = level;
        }

        return restricted;
    }

    private static (int[] Clusters, byte[][] Messages) MessagesOf(ReadOnlySpan<byte> events, HashSet<int> clusters)
    {
        var wantedClusters = new List<int>();
        var wantedMessages = new List<byte[]>();
        while (EventRecord.ReadFrame(events, out var record, out var size) is var outcome and not FrameOutcome.Torn)
        {
            events = events[size..];
            if (outcome == FrameOutcome.Whole && clusters.Contains(record.Cluster))
            {
                wantedClusters.Add(record.Cluster);
                wantedMessages.Add(record.Message.ToArray());
            }
        }

        return ([.. wantedClusters], [.. wantedMessages]);
    }

    private async Task<List<T>> ReadAsync<T>(
        string sql, NpgsqlParameter[] parameters, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        // Not prepared: a plan that was made for a small table would be kept when the table is large.
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The settings of cluster {Cluster} cannot be read at {Path}: its "
        + "events are stored without address and user agent")]
    private partial void LogUnreadable(ClusterId cluster, string path);
}

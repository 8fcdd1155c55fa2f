using Npgsql;
using NpgsqlTypes;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Database.Hosts;

/// <summary>Reads tracking domains from PostgreSQL.</summary>
internal static class ReadTrackingHosts
{
    /// <summary>The columns that <see cref="Read"/> reads, in its order.</summary>
    public const string Columns =
        "hostname, cluster_id, status, certificate_until, https, is_retired, track_clicks, track_opens, excluded_domains, "
        + "tracking_level, utm, has_imported_links";

    // An active domain comes first.
    private const string ByName =
        $"""
        SELECT {Columns}, pg_snapshot_xmin(pg_current_snapshot())
        FROM domains.tracking_domains
        WHERE hostname = ANY ($1) AND deleted_at IS NULL
        ORDER BY hostname, status DESC, cluster_id
        """;

    /// <summary>Reads the domains of some names.</summary>
    /// <param name="dataSource">The database.</param>
    /// <param name="names">A-labels, lower case.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    /// <returns>The names that are tracking domains, and the oldest transaction that was still running, whose changes
    /// are not included.</returns>
    public static async Task<(Dictionary<string, TrackingHost> Found, ulong Seen)> ByNameAsync(
        NpgsqlDataSource dataSource, string[] names, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(ByName);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = names });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var found = new Dictionary<string, TrackingHost>(StringComparer.OrdinalIgnoreCase);
        TrackingHost? last = null;
        ulong seen = 0;
        while (await reader.ReadAsync(cancellationToken))
        {
            var host = Read(reader);
            seen = reader.GetFieldValue<ulong>(reader.FieldCount - 1);
            if (last?.Hostname == host.Hostname)
            {
                last.Next = host;
            }
            else
            {
                found.Add(host.Hostname, host);
            }

            last = host;
        }

        return (found, seen);
    }

    /// <summary>
    /// Reads which names have changed since the last call. The order in which transactions commit does not matter: a
    /// transaction that was running at the last call, or began later, has a number at or above the one returned then.
    /// </summary>
    /// <param name="dataSource">The database.</param>
    /// <param name="since">The result of the last call; <see langword="null"/> for the first call, which reads no
    /// names.</param>
    /// <param name="began">Gets the result of this call, before any name.</param>
    /// <param name="changed">Gets each changed name.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    /// <returns>The oldest transaction that is still running: the start of the next call.</returns>
    public static async Task<ulong> ChangedAsync(
        NpgsqlDataSource dataSource, ulong? since, Action<ulong> began, Action<string> changed,
        CancellationToken cancellationToken)
    {
        await using var batch = dataSource.CreateBatch();

        // The order matters: the second statement sees at least the changes that the snapshot of the first one sees.
        batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT pg_snapshot_xmin(pg_current_snapshot())"));
        if (since is { } last)
        {
            var names = new NpgsqlBatchCommand(
                "SELECT DISTINCT hostname FROM domains.tracking_domains WHERE changed_in >= $1");
            names.Parameters.Add(new NpgsqlParameter { Value = last, NpgsqlDbType = NpgsqlDbType.Xid8 });
            batch.BatchCommands.Add(names);
        }

        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var next = reader.GetFieldValue<ulong>(0);
        began(next);
        if (await reader.NextResultAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                changed(reader.GetString(0));
            }
        }

        return next;
    }

    /// <summary>Reads a row of <see cref="Columns"/>.</summary>
    /// <param name="reader">The reader, on the row.</param>
    /// <param name="first">The index of the first of the columns.</param>
    public static TrackingHost Read(NpgsqlDataReader reader, int first = 0)
    {
        var excluded = reader.GetFieldValue<string[]>(first + 8);
        return new TrackingHost(
            reader.GetString(first),
            new ClusterId(reader.GetInt32(first + 1)),
            (DomainStatus)reader.GetInt16(first + 2),
            reader.IsDBNull(first + 3) ? null : reader.GetFieldValue<DateTimeOffset>(first + 3),
            (HttpsPolicy)reader.GetInt16(first + 4))
        {
            IsRetired = reader.GetBoolean(first + 5),
            TracksClicks = reader.GetBoolean(first + 6),
            TracksOpens = reader.GetBoolean(first + 7),
            ExcludedDomains = excluded.Length == 0 ? [] : excluded,
            TrackingLevel = (TrackingLevel)reader.GetInt16(first + 9),
            Utm = reader.GetString(first + 10) is { Length: > 0 } utm ? utm : "",
            HasImportedLinks = reader.GetBoolean(first + 11),
        };
    }
}

using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;

namespace Tracking.EventIngest.Partitions;

/// <summary>
/// Creates the monthly partitions of <c>ingest.events</c> in advance, at the start and then daily. The months are
/// counted from the database's clock, which all copies of this service share, and also from this process's clock if it
/// differs by at most a day. Events of other months wait in the default partition. Events of past months move to their
/// partition when it is created here.
/// </summary>
internal sealed partial class CreatePartitions(
    NpgsqlDataSource dataSource,
    IOptions<EventIngestOptions> options,
    TimeProvider time,
    IngestTelemetry telemetry,
    ILogger<CreatePartitions> logger) : BackgroundService
{
    private const string Lock =
        "SELECT pg_try_advisory_xact_lock(hashtext('tracking.ingest.create_partitions'))";

    // Includes the months of the events that wait in the default partition, up to the last month that is created in
    // advance. A clock that is years ahead must not create a partition for every month that it names.
    private const string SelectMonths =
        """
        SELECT DISTINCT date_trunc('month', moment, 'UTC') AS month
        FROM (
            SELECT now() + make_interval(months => n) AS moment FROM generate_series(0, $1) n
            UNION ALL
            SELECT $2 + make_interval(months => n) FROM generate_series(0, $1) n
            WHERE $2 BETWEEN now() - interval '1 day' AND now() + interval '1 day'
            UNION ALL
            SELECT occurred_at FROM ingest.events_default WHERE occurred_at < now() + make_interval(months => $1)
        ) moments
        ORDER BY month
        """;

    private const string CountMonthsAhead =
        """
        SELECT count(to_regclass('ingest.events_' || to_char(
            date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => n), 'YYYY_MM')))
        FROM generate_series(1, $1) n
        """;

    /// <summary>Creates the missing partitions.</summary>
    /// <returns>The number of created partitions.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable, or a lock was not obtained in time.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var created = 0;

        // Months are counted before and after, because a lock that is not obtained ends the run.
        await CountAheadAsync(connection, cancellationToken);
        foreach (var month in await ReadMonthsAsync(connection, cancellationToken))
        {
            created += await CreateAsync(connection, month, cancellationToken) ? 1 : 0;
        }

        if (created > 0)
        {
            await CountAheadAsync(connection, cancellationToken);
        }

        return created;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var pause = options.Value.PartitionInterval;
            try
            {
                await RunAsync(stoppingToken);
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                pause = options.Value.UpkeepRetry;
                LogNotCreated(pause, exception.Message);
            }

            await Task.Delay(pause, time, stoppingToken);
        }
    }

    private async Task<List<DateTime>> ReadMonthsAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(SelectMonths, connection)
        {
            Parameters =
            {
                new() { Value = options.Value.MonthsAhead },
                new() { Value = time.GetUtcNow().UtcDateTime },
            },
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var months = new List<DateTime>();
        while (await reader.ReadAsync(cancellationToken))
        {
            months.Add(reader.GetDateTime(0));
        }

        return months;
    }

    private async Task CountAheadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(CountMonthsAhead, connection)
        {
            Parameters = { new() { Value = options.Value.MonthsAhead } },
        };
        telemetry.FoundMonthsAhead((long)(await command.ExecuteScalarAsync(cancellationToken))!);
    }

    // Each month has its own transaction, so the default partition is locked only as long as one move takes.
    private async Task<bool> CreateAsync(
        NpgsqlConnection connection, DateTime month, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var longest = options.Value.LongestLockWait.TotalMilliseconds;
        await using var lockTimeout = new NpgsqlCommand(
            string.Create(CultureInfo.InvariantCulture, $"SET LOCAL lock_timeout = {longest:F0}"), connection);
        await lockTimeout.ExecuteNonQueryAsync(cancellationToken);
        await using var tryLock = new NpgsqlCommand(Lock, connection);
        if (await tryLock.ExecuteScalarAsync(cancellationToken) is not true)
        {
            return false;
        }

        await using var create = new NpgsqlCommand("SELECT ingest.create_month($1)", connection)
        {
            Parameters = { new() { Value = month } },
        };
        var created = await create.ExecuteScalarAsync(cancellationToken) is true;
        await transaction.CommitAsync(cancellationToken);
        if (created)
        {
            LogCreated(month);
        }

        return created;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Made the partition of events for {Month:yyyy-MM}")]
    private partial void LogCreated(DateTime month);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Partitions were not made, next attempt in {Pause}: {Reason}")]
    private partial void LogNotCreated(TimeSpan pause, string reason);
}

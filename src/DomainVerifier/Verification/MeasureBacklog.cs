using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Counts due domains and unsent notices for telemetry.</summary>
internal sealed class MeasureBacklog(
    NpgsqlDataSource dataSource, VerifierTelemetry telemetry, IOptions<VerifierOptions> options, TimeProvider time)
    : BackgroundService
{
    // The count ends at this number: enough for an alarm, and cheap with any backlog.
    private const string Select =
        """
        SELECT
            (SELECT count(*) FROM (SELECT FROM domains.tracking_domains
                WHERE deleted_at IS NULL AND next_check_at <= $1 LIMIT 100000) due),
            coalesce($1 - (SELECT min(next_check_at) FROM domains.tracking_domains WHERE deleted_at IS NULL),
                interval '0'),
            (SELECT count(*) FROM domains.notices WHERE mailed_at IS NULL OR published_at IS NULL)
        """;

    /// <summary>Counts once.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Select);
        command.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var late = reader.GetTimeSpan(1);
        telemetry.Waits(new Backlog(
            reader.GetInt64(0), late > TimeSpan.Zero ? late : TimeSpan.Zero, reader.GetInt64(2)));
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RunAsync(stoppingToken);
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                // The loop that leases names logs the fault. The figures stay as they were.
            }

            await Task.Delay(options.Value.BacklogInterval, time, stoppingToken);
        }
    }
}

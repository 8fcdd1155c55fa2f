using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management.Withdrawals;

/// <summary>Finishes withdrawals whose process died before their receipt was written.</summary>
internal sealed partial class FinishWithdrawals(
    ApiDataSource dataSource, WithdrawConsent withdraw, TimeProvider time, ILogger<FinishWithdrawals> logger)
    : BackgroundService
{
    // A running withdrawal takes less time. Finishing a withdrawal twice does no harm.
    private static readonly TimeSpan _age = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _pause = TimeSpan.FromMinutes(1);

    private const string SelectOpen =
        """
        SELECT cluster_id, id, withdrawn_at FROM rewrite.withdrawals
        WHERE receipt IS NULL AND withdrawn_at < $1 ORDER BY number LIMIT 100
        """;

    /// <summary>Finishes all open withdrawals, at most 100 at a time.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var open = new List<(ClusterId Cluster, Guid Id, DateTimeOffset At)>();
        await using (var command = dataSource.CreateCommand(SelectOpen))
        {
            command.Parameters.Add(new() { Value = (time.GetUtcNow() - _age).UtcDateTime });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                open.Add((
                    new ClusterId(reader.GetInt32(0)), reader.GetGuid(1), reader.GetFieldValue<DateTimeOffset>(2)));
            }
        }

        foreach (var (cluster, id, at) in open)
        {
            await withdraw.FinishAsync(cluster, id, at, cancellationToken);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_pause, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RunAsync(stoppingToken);
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogNotFinished(exception.Message);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Withdrawals were not finished yet: {Reason}")]
    private partial void LogNotFinished(string reason);
}

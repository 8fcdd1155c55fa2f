using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Database;

namespace Tracking.EventIngest.Bots;

/// <summary>Writes down what events are judged by, once for each set of rules, so that it can be said later what a verdict
/// rested on.</summary>
internal sealed partial class KeepRules(
    NpgsqlDataSource dataSource, IOptions<EventIngestOptions> options, TimeProvider time, ILogger<KeepRules> logger)
    : BackgroundService
{
    /// <summary>Writes them, unless they are there.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public static async Task WriteAsync(NpgsqlDataSource dataSource, RuleSet rules, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "INSERT INTO ingest.rule_sets (number, content) VALUES ($1, $2::jsonb) ON CONFLICT DO NOTHING");
        command.Parameters.Add(new() { Value = rules.Number });
        command.Parameters.Add(new() { Value = rules.Content });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                await WriteAsync(dataSource, RuleSet.Shipped, stoppingToken);
                return;
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogNotKept(exception.Message);
                await Task.Delay(options.Value.LongestRetry, time, stoppingToken);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The rules that verdicts rest on are not written down yet, the next attempt comes: {Reason}")]
    private partial void LogNotKept(string reason);
}

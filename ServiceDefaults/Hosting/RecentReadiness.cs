using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Tracking.ServiceDefaults.Hosting;

/// <summary>
/// Runs the readiness checks once for all simultaneous requests and for a moment after: anyone may ask, and many
/// requests must not become many questions to the database.
/// </summary>
internal sealed class RecentReadiness(
    HealthCheckService checks, IOptions<HealthCheckServiceOptions> options, TimeProvider time)
{
    /// <summary>The time that an answer is valid. Orchestrators ask every few seconds, so each gets a new
    /// answer.</summary>
    public static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private Task<HealthAnswer>? _answer;
    private long _answeredAt;

    /// <summary>The current state, or one that is younger than <see cref="FreshFor"/>.</summary>
    /// <param name="cancellationToken">Ends the waiting. Other waiting requests still get the answer.</param>
    public Task<HealthAnswer> AskAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_answer is null
                || (_answer.IsCompleted && time.GetElapsedTime(Volatile.Read(ref _answeredAt)) >= FreshFor))
            {
                // Not in this request: the checks begin with synchronous work of their own.
                _answer = Task.Run(CheckAsync, CancellationToken.None);
            }

            return _answer.WaitAsync(cancellationToken);
        }
    }

    private async Task<HealthAnswer> CheckAsync()
    {
        try
        {
            return await RunAsync();
        }
        finally
        {
            Volatile.Write(ref _answeredAt, time.GetTimestamp());
        }
    }

    private async Task<HealthAnswer> RunAsync()
    {
        using var limit = new CancellationTokenSource(HealthEndpoints.AnswerTimeout, time);
        try
        {
            var report = await checks
                .CheckHealthAsync(check => check.Tags.Contains(HealthEndpoints.Ready), limit.Token)
                .WaitAsync(limit.Token);
            return new HealthAnswer(
                report.Status.ToString(),
                report.Entries.ToDictionary(entry => entry.Key, entry => entry.Value.Status.ToString()));
        }
        catch (OperationCanceledException)
        {
            // The hanging check is unknown, so none counts as healthy.
            return new HealthAnswer(
                nameof(HealthStatus.Unhealthy),
                options.Value.Registrations
                    .Where(check => check.Tags.Contains(HealthEndpoints.Ready))
                    .ToDictionary(check => check.Name, _ => "Unknown"));
        }
    }
}

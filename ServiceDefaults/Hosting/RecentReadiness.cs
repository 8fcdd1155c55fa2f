using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Tracking.ServiceDefaults.Hosting;

/// <summary>
/// Asks the readiness checks, once for all who ask at the same time and for a moment after: anyone may ask, and one
/// question to the database must not become a flood of them.
/// </summary>
internal sealed class RecentReadiness(
    HealthCheckService checks, IOptions<HealthCheckServiceOptions> options, TimeProvider time)
{
    /// <summary>How long an answer is good. Orchestrators ask every few seconds, so none sees an older one.</summary>
    public static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private Task<HealthAnswer>? _answer;
    private long _answeredAt;

    /// <summary>The state now, or of less than <see cref="FreshFor"/> ago.</summary>
    /// <param name="cancellationToken">Ends the waiting; the others who wait are still answered.</param>
    public Task<HealthAnswer> AskAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_answer is null
                || (_answer.IsCompleted && time.GetElapsedTime(Volatile.Read(ref _answeredAt)) >= FreshFor))
            {
                // Not on this request's time: the checks begin with synchronous work of their own.
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
            // Which of them hangs is not known: none can be called healthy.
            return new HealthAnswer(
                nameof(HealthStatus.Unhealthy),
                options.Value.Registrations
                    .Where(check => check.Tags.Contains(HealthEndpoints.Ready))
                    .ToDictionary(check => check.Name, _ => "Unknown"));
        }
    }
}

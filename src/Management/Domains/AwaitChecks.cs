using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Database;

namespace Tracking.Management.Domains;

/// <summary>
/// Waits until verifiers have checked domains. Verifiers write their results into the database and send no message, so
/// the database is read every <see cref="ManagementOptions.VerificationPoll"/>. One query serves all waiting requests.
/// </summary>
internal sealed partial class AwaitChecks(
    ApiDataSource dataSource,
    IOptions<ManagementOptions> options,
    TimeProvider time,
    ILogger<AwaitChecks> logger)
{
    private readonly Lock _gate = new();
    private readonly HashSet<Waiting> _waiting = [];
    private bool _isAsking;

    /// <summary>Waits for a check that began after the request. A deletion of the domain ends the wait too.</summary>
    /// <param name="domain">The domain's id.</param>
    /// <param name="requestedAt">The time of the request, by the database's clock.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether such a check was stored in time.</returns>
    public async Task<bool> IsDoneAsync(Guid domain, DateTimeOffset requestedAt, CancellationToken cancellationToken)
    {
        var waiting = new Waiting(
            domain, requestedAt, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_gate)
        {
            _waiting.Add(waiting);
            if (!_isAsking)
            {
                _isAsking = true;
                _ = AskAsync();
            }
        }

        try
        {
            await waiting.Done.Task.WaitAsync(options.Value.LongestVerification, time, cancellationToken);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        finally
        {
            lock (_gate)
            {
                _waiting.Remove(waiting);
            }
        }
    }

    // The loop ends when no request waits any more. The next request begins a new loop.
    private async Task AskAsync()
    {
        await Task.Yield();
        while (true)
        {
            Waiting[] all;
            lock (_gate)
            {
                if (_waiting.Count == 0)
                {
                    _isAsking = false;
                    return;
                }

                all = [.. _waiting];
            }

            try
            {
                var done = await AskAsync(all);
                foreach (var waiting in all)
                {
                    if (done.Contains((waiting.Domain, waiting.RequestedAt)))
                    {
                        waiting.Done.TrySetResult();
                    }
                }
            }
#pragma warning disable CA1031 // Nobody awaits this: it must go on for those who wait, whose wait has its own end.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                LogNotAsked(exception.Message);
            }

            await Task.Delay(options.Value.VerificationPoll, time);
        }
    }

    private async Task<HashSet<(Guid Domain, DateTimeOffset RequestedAt)>> AskAsync(Waiting[] all)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT w.id, w.requested_at FROM unnest($1, $2) w (id, requested_at)
            JOIN domains.tracking_domains d ON d.id = w.id
            WHERE d.last_checked_at >= w.requested_at OR d.deleted_at IS NOT NULL
            """);
        command.Parameters.Add(new() { Value = all.Select(waiting => waiting.Domain).ToArray() });
        command.Parameters.Add(new() { Value = all.Select(waiting => waiting.RequestedAt).ToArray() });
        await using var reader = await command.ExecuteReaderAsync();
        var done = new HashSet<(Guid, DateTimeOffset)>();
        while (await reader.ReadAsync())
        {
            done.Add((reader.GetGuid(0), reader.GetFieldValue<DateTimeOffset>(1)));
        }

        return done;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The results of checks could not be read: {Reason}")]
    private partial void LogNotAsked(string reason);

    private sealed record Waiting(Guid Domain, DateTimeOffset RequestedAt, TaskCompletionSource Done);
}

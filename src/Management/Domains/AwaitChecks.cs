using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Database;

namespace Tracking.Management.Domains;

/// <summary>
/// Waits until verifiers have looked at domains. They write into the database and tell nobody, so it is asked, every
/// <see cref="ManagementOptions.VerificationPoll"/> while somebody waits: one query for all who do, however many.
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

    /// <summary>Waits for a check that began after it was asked for; a deletion ends the wait too.</summary>
    /// <param name="domain">The domain's id.</param>
    /// <param name="requestedAt">When it was asked for, by the database's clock.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether there was one in time.</returns>
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

    // Ends when nobody waits any more; whoever comes next begins another.
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Whether domains are checked could not be read: {Reason}")]
    private partial void LogNotAsked(string reason);

    private sealed record Waiting(Guid Domain, DateTimeOffset RequestedAt, TaskCompletionSource Done);
}

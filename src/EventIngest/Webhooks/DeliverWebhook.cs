using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>
/// Visits an endpoint: sends its due deliveries, a few at a time, and stores the outcomes. An endpoint that failed
/// before gets a single webhook, as a test whether it works again. As long as it cannot be reached, it rests, and its
/// waiting deliveries lose no attempt.
/// </summary>
internal sealed partial class DeliverWebhook(
    ClaimEndpoints claim,
    KeepVisit keep,
    SendWebhook send,
    OpenSecrets secrets,
    WebhookTelemetry telemetry,
    IOptions<WebhookOptions> options,
    TimeProvider time,
    ILogger<DeliverWebhook> logger)
{
    private readonly WebhookOptions _options = options.Value;

    /// <summary>The random numbers for the jitter, 0 to 1.</summary>
    internal Func<double> NextRandom { get; init; } = Random.Shared.NextDouble;

    /// <summary>Visits an endpoint.</summary>
    /// <param name="endpoint">An endpoint that this process has leased.</param>
    /// <param name="stopping">When cancelled, no further attempt begins. Running attempts are finished and
    /// stored.</param>
    /// <returns>Whether the endpoint may have more deliveries that it accepts now.</returns>
    /// <exception cref="Npgsql.NpgsqlException">The database is unavailable. Sent webhooks are sent again.</exception>
    public async Task<bool> RunAsync(LeasedEndpoint endpoint, CancellationToken stopping)
    {
        if (secrets.Open(endpoint) is not { } opened)
        {
            LogSealed(endpoint.Id);
            await claim.GiveBackAsync(endpoint, time.GetUtcNow() + _options.LongestRest, stopping);
            return false;
        }

        var most = endpoint.Failures > 0 ? 1 : _options.DeliveriesPerVisit;
        var due = await claim.DueAsync(endpoint, most, stopping);
        var visited = await SendAsync(endpoint, due, opened, stopping);
        if (visited.Count == 0)
        {
            await claim.GiveBackAsync(endpoint, null, CancellationToken.None);
            return false;
        }

        var state = Judge(endpoint, visited);
        if (await keep.RunAsync(endpoint, visited, state, CancellationToken.None))
        {
            Tell(endpoint, state);
            return due.Count == most && state.RestsUntil is null;
        }

        LogLost(endpoint.Id, visited.Count);
        return false;
    }

    private async Task<List<VisitedDelivery>> SendAsync(
        LeasedEndpoint endpoint, List<DueDelivery> due, IReadOnlyList<byte[]> opened, CancellationToken stopping)
    {
        var url = new Uri(endpoint.Url);
        var began = time.GetTimestamp();
        var isOver = false;
        var visited = new ConcurrentBag<VisitedDelivery>();
        await Parallel.ForEachAsync(
            due,
            // A stop does not cancel this loop, so the outcome of every sent webhook is stored.
            new ParallelOptions { MaxDegreeOfParallelism = _options.RequestsPerEndpoint },
            async (delivery, _) =>
            {
                if (Volatile.Read(ref isOver) || stopping.IsCancellationRequested
                    || time.GetElapsedTime(began) >= _options.VisitTime)
                {
                    return;
                }

                var attempt = delivery.Body is { } body
                    ? await send.RunAsync(url, delivery.Id, body, opened)
                    : NotThere();
                if (attempt.Outcome is AttemptOutcome.Unreachable or AttemptOutcome.Gone)
                {
                    Volatile.Write(ref isOver, true);
                }

                telemetry.Attempted(attempt, delivery.Attempts == 0, attempt.At - delivery.DueAt);
                visited.Add(new VisitedDelivery(delivery, attempt, NextAttempt(delivery, attempt)));
            });
        return [.. visited];
    }

    // The recipient withdrew, or the event is older than the retention of its cluster.
    private Attempt NotThere() => new(AttemptOutcome.NothingToSend, time.GetUtcNow(), TimeSpan.Zero)
    {
        Error = "The event is no longer stored; nothing was sent.",
    };

    private DateTimeOffset? NextAttempt(DueDelivery delivery, Attempt attempt)
    {
        if (attempt.Outcome is AttemptOutcome.Delivered or AttemptOutcome.Gone or AttemptOutcome.NothingToSend
            || RetrySchedule.PauseAfter(delivery.Tries + 1, NextRandom()) is not { } pause)
        {
            return null;
        }

        return time.GetUtcNow() + (attempt.RetryAfter > pause ? attempt.RetryAfter.Value : pause);
    }

    private EndpointState Judge(LeasedEndpoint endpoint, List<VisitedDelivery> visited)
    {
        var now = time.GetUtcNow();
        var attempts = visited.Select(v => v.Attempt)
            .Where(attempt => attempt.Outcome != AttemptOutcome.NothingToSend)
            .OrderBy(attempt => attempt.At).ToList();
        if (attempts.Count == 0)
        {
            return new EndpointState
            {
                Failures = endpoint.Failures,
                FailingSince = endpoint.FailingSince,
                IsSlow = endpoint.Failures > 0,
            };
        }

        var succeeded = attempts.Exists(attempt => attempt.Outcome == AttemptOutcome.Delivered);
        var hasFailed = !succeeded || attempts.Exists(attempt => attempt.Outcome == AttemptOutcome.Unreachable);
        var failures = !hasFailed ? 0 : succeeded ? 1 : endpoint.Failures + 1;
        var failingSince = succeeded ? (DateTimeOffset?)null : endpoint.FailingSince ?? now;
        var isGone = attempts.Exists(attempt => attempt.Outcome == AttemptOutcome.Gone);
        return new EndpointState
        {
            Failures = failures,
            FailingSince = failingSince,
            LastError = attempts.LastOrDefault(attempt => attempt.Error is not null)?.Error,
            SucceededAt = succeeded ? now : null,
            IsSlow = hasFailed || attempts.Exists(attempt => attempt.Took > _options.SlowAfter),
            RestsUntil = hasFailed ? now + Rest(failures, attempts.Max(attempt => attempt.RetryAfter)) : null,
            Disabled = isGone ? DisabledReason.Gone
                : now - failingSince >= _options.DisableAfter ? DisabledReason.Failing
                : null,
        };
    }

    private TimeSpan Rest(int failures, TimeSpan? retryAfter)
    {
        var doubled = _options.FirstRest * Math.Pow(2, Math.Min(failures - 1, 30));
        var rest = doubled < _options.LongestRest ? doubled : _options.LongestRest;
        return retryAfter > rest ? retryAfter.Value : rest;
    }

    private void Tell(LeasedEndpoint endpoint, EndpointState state)
    {
        if (state.Disabled is { } reason)
        {
            telemetry.Disabled(KeepVisit.WordOf(reason));
            LogDisabled(endpoint.Id, endpoint.Cluster, KeepVisit.WordOf(reason));
        }
        else if (state.Failures > 0 && endpoint.Failures == 0)
        {
            LogFailing(endpoint.Id, endpoint.Cluster, state.LastError ?? "");
        }
        else if (state.Failures == 0 && endpoint.Failures > 0)
        {
            LogBack(endpoint.Id, endpoint.Cluster);
        }
    }

    [LoggerMessage(LogLevel.Error,
        "The secret of webhook {Endpoint} cannot be opened: it was sealed under another master key. Rotate it")]
    private partial void LogSealed(Guid endpoint);

    [LoggerMessage(LogLevel.Warning,
        "The visit of webhook {Endpoint} took longer than its lease; {Count} deliveries are sent again")]
    private partial void LogLost(Guid endpoint, int count);

    [LoggerMessage(LogLevel.Warning, "Webhook {Endpoint} of cluster {Cluster} is disabled: {Reason}")]
    private partial void LogDisabled(Guid endpoint, Links.ClusterId cluster, string reason);

    [LoggerMessage(LogLevel.Information, "Webhook {Endpoint} of cluster {Cluster} fails: {Reason}")]
    private partial void LogFailing(Guid endpoint, Links.ClusterId cluster, string reason);

    [LoggerMessage(LogLevel.Information, "Webhook {Endpoint} of cluster {Cluster} accepts deliveries again")]
    private partial void LogBack(Guid endpoint, Links.ClusterId cluster);
}

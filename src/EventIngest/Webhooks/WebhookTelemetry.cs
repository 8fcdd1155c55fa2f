using System.Diagnostics.Metrics;

namespace Tracking.EventIngest.Webhooks;

/// <summary>The metrics of webhooks, in the meter of this service.</summary>
internal sealed class WebhookTelemetry
{
    private readonly Counter<long> _attempts;
    private readonly Counter<long> _disabled;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _lag;

    public WebhookTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create(IngestTelemetry.Name);
        _attempts = meter.CreateCounter<long>(
            "tracking.webhooks.attempts", "{attempt}", "Attempts to deliver a webhook, by outcome.");
        _disabled = meter.CreateCounter<long>(
            "tracking.webhooks.disabled", "{endpoint}", "Endpoints that were disabled because of their answers, by reason.");
        _duration = meter.CreateHistogram<double>(
            "tracking.webhooks.duration", "s", "From the beginning of an attempt to the end of its answer.");
        _lag = meter.CreateHistogram<double>(
            "tracking.webhooks.lag", "s", "From when a first attempt was due to its beginning.");
    }

    /// <summary>Records an attempt.</summary>
    /// <param name="attempt">The attempt.</param>
    /// <param name="isFirst">Whether it is the first attempt at this delivery.</param>
    /// <param name="late">The time between the due time and the beginning.</param>
    public void Attempted(Attempt attempt, bool isFirst, TimeSpan late)
    {
        _attempts.Add(1, new KeyValuePair<string, object?>("outcome", attempt.Outcome switch
        {
            AttemptOutcome.Delivered => "delivered",
            AttemptOutcome.Gone => "gone",
            AttemptOutcome.Refused => "refused",
            AttemptOutcome.NothingToSend => "nothing-to-send",
            _ => "unreachable",
        }));
        _duration.Record(attempt.Took.TotalSeconds);
        if (isFirst)
        {
            _lag.Record(Math.Max(0, late.TotalSeconds));
        }
    }

    /// <summary>Records that an endpoint was disabled.</summary>
    public void Disabled(string reason) => _disabled.Add(1, new KeyValuePair<string, object?>("reason", reason));
}

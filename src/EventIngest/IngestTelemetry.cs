using System.Diagnostics;
using System.Diagnostics.Metrics;
using Tracking.EventIngest.Batches;

namespace Tracking.EventIngest;

/// <summary>The metrics and spans of this service: meter and source <c>Tracking.EventIngest</c>.</summary>
internal sealed class IngestTelemetry
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "Tracking.EventIngest";

    private readonly Counter<long> _events;
    private readonly Counter<long> _batches;
    private readonly Counter<long> _duplicates;
    private readonly Counter<long> _repeats;
    private readonly Counter<long> _rejected;
    private readonly Histogram<double> _lag;
    private long _monthsAhead = -1;

    public IngestTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _events = meter.CreateCounter<long>("tracking.ingest.events", "{event}", "Events stored.");
        _batches = meter.CreateCounter<long>("tracking.ingest.batches", "{batch}", "Batches stored.");
        _duplicates = meter.CreateCounter<long>(
            "tracking.ingest.duplicates", "{batch}", "Batches that were already stored and only acknowledged again.");
        _repeats = meter.CreateCounter<long>(
            "tracking.ingest.repeats", "{event}", "Events that were already stored by their id, and not stored again.");
        _rejected = meter.CreateCounter<long>(
            "tracking.ingest.rejected", "{event}", "Events that could not be stored, by reason.");
        _lag = meter.CreateHistogram<double>(
            "tracking.ingest.lag", "s", "From the event to the commit that stored it.");
        meter.CreateObservableGauge(
            "tracking.ingest.months.ahead", ReadMonthsAhead, "{month}",
            "Months after this one that have a partition, when partitions were last looked after.");
    }

    /// <summary>The source of the spans of stored events.</summary>
    public static ActivitySource Spans { get; } = new(Name);

    /// <summary>Records the number of months after this month that have partitions.</summary>
    public void FoundMonthsAhead(long months) => Volatile.Write(ref _monthsAhead, months);

    /// <summary>Records a batch that was stored before.</summary>
    public void Duplicate() => _duplicates.Add(1);

    /// <summary>Records a batch whose transaction has committed.</summary>
    public void Stored(PreparedBatch batch, DateTimeOffset committedAt)
    {
        _batches.Add(1);
        _events.Add(batch.Events.Count);
        if (batch.Repeats > 0)
        {
            _repeats.Add(batch.Repeats);
        }

        foreach (var (refusal, count) in batch.Rejected.CountBy(rejected => rejected.Refusal))
        {
            _rejected.Add(count, new KeyValuePair<string, object?>("reason", RefusedEvent.NameOf(refusal)));
        }

        if (_lag.Enabled)
        {
            var now = (committedAt - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
            foreach (var stored in batch.Events)
            {
                _lag.Record((now - stored.Counted.TimeMicros) / 1e6);
            }
        }
    }

    // No value is reported before the first check: 0 would raise an alarm.
    private IEnumerable<Measurement<long>> ReadMonthsAhead() =>
        Volatile.Read(ref _monthsAhead) is >= 0 and var months ? [new Measurement<long>(months)] : [];
}

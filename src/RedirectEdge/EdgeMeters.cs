using System.Diagnostics.Metrics;

namespace Tracking.RedirectEdge;

/// <summary>The edge's figures, meter <c>Tracking.RedirectEdge</c>.</summary>
internal sealed class EdgeMeters
{
    /// <summary>The meter's name.</summary>
    public const string Name = "Tracking.RedirectEdge";

    private static readonly string[] _reasonNames = Enum.GetNames<EdgeOutcome>();
    private readonly Meter _meter;
    private readonly List<(Func<long> Events, Func<long> Bytes)> _spools = [];

    public EdgeMeters(IMeterFactory factory)
    {
        _meter = factory.Create(Name);
        Clicks = _meter.CreateCounter<long>("tracking.clicks", "{click}", "Clicks answered with a redirect.");
        Opens = _meter.CreateCounter<long>("tracking.opens", "{open}", "Open pixels served.");
        Images = _meter.CreateCounter<long>("tracking.images", "{image}", "Tracked images redirected.");
        Unknown = _meter.CreateCounter<long>(
            "tracking.redirect.unknown", "{request}", "Requests answered with 404, by reason.");
        Unavailable = _meter.CreateCounter<long>(
            "tracking.redirect.unavailable", "{request}", "Requests answered with 503: the destination is unknown here "
            + "and the store is away.");
        Blocked = _meter.CreateCounter<long>(
            "tracking.redirect.blocked", "{request}", "Requests for links to blocked destinations.");
        Dropped = _meter.CreateCounter<long>(
            "tracking.spool.dropped", "{event}", "Events that could not be written to the spool: lost.");
        IdsRefused = _meter.CreateCounter<long>(
            "tracking.gateway.ids.refused", "{request}", "Event ids of gateways that were not taken, by reason.");
        SpoolFailures = _meter.CreateCounter<long>(
            "tracking.spool.failures", "{failure}", "Failed writes, syncs and renames of the spool.");
        Lookups = _meter.CreateCounter<long>(
            "tracking.links.lookups", "{lookup}", "Links looked up in the database, by outcome.");
        Published = _meter.CreateCounter<long>("tracking.spool.published", "{batch}", "Batches sent, first time.");
        Resent = _meter.CreateCounter<long>("tracking.spool.resent", "{batch}", "Batches sent again.");
        Acknowledged = _meter.CreateCounter<long>(
            "tracking.spool.acknowledged", "{batch}", "Batches that are stored.");
        _meter.CreateObservableGauge(
            "tracking.spool.depth", () => Sum(spool => spool.Events()), "{event}", "Events not yet acknowledged.");
        _meter.CreateObservableGauge(
            "tracking.spool.bytes", () => Sum(spool => spool.Bytes()), "By", "Bytes of events not yet acknowledged.");
    }

    public Counter<long> Clicks { get; }

    public Counter<long> Opens { get; }

    public Counter<long> Images { get; }

    public Counter<long> Unknown { get; }

    public Counter<long> Unavailable { get; }

    public Counter<long> Blocked { get; }

    public Counter<long> Dropped { get; }

    public Counter<long> IdsRefused { get; }

    public Counter<long> SpoolFailures { get; }

    public Counter<long> Lookups { get; }

    public Counter<long> Published { get; }

    public Counter<long> Resent { get; }

    public Counter<long> Acknowledged { get; }

    /// <summary>Counts a request that is not served.</summary>
    public void Refused(EdgeOutcome outcome) => (outcome switch
    {
        EdgeOutcome.Unavailable => Unavailable,
        EdgeOutcome.Blocked => Blocked,
        _ => Unknown,
    })
        .Add(1, new KeyValuePair<string, object?>("reason", _reasonNames[(int)outcome]));

    /// <summary>Adds a spool to the depth: the edge's own, or an adopted one.</summary>
    public void ObserveSpool(Func<long> events, Func<long> bytes)
    {
        lock (_spools)
        {
            _spools.Add((events, bytes));
        }
    }

    /// <summary>Adds the links in memory.</summary>
    public void ObserveLinks(Func<int> links) =>
        _meter.CreateObservableGauge("tracking.links.cached", links, "{link}", "Links in memory.");

    private long Sum(Func<(Func<long> Events, Func<long> Bytes), long> measure)
    {
        lock (_spools)
        {
            return _spools.Sum(measure);
        }
    }
}

using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>What the counters need to know of a stored event.</summary>
/// <param name="Cluster">The cluster's number.</param>
/// <param name="Message">The message.</param>
/// <param name="Kind">What was fetched.</param>
/// <param name="IsMachine">Whether by a recognised machine.</param>
/// <param name="Link">The destination; 0 for an open.</param>
/// <param name="Ordinal">The link's place in its message.</param>
/// <param name="TimeMicros">When, µs since 1970.</param>
/// <param name="Client">The program, by <see cref="NameClient"/>; empty when it does not say.</param>
internal readonly record struct CountedEvent(
    int Cluster,
    MessageKey Message,
    LinkKind Kind,
    bool IsMachine,
    ulong Link,
    ushort Ordinal,
    long TimeMicros,
    string Client);

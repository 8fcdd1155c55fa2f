using Tracking.Links;

namespace Tracking.EventIngest.Statistics;

/// <summary>The facts of a stored event that the counters need.</summary>
/// <param name="Cluster">The cluster's number.</param>
/// <param name="Message">The message.</param>
/// <param name="Kind">The kind of the requested link.</param>
/// <param name="IsMachine">Whether a recognised machine caused it.</param>
/// <param name="Link">The destination; 0 for an open.</param>
/// <param name="Ordinal">The link's place in its message.</param>
/// <param name="TimeMicros">The time, µs since 1970.</param>
/// <param name="Client">The name of the program, from <see cref="NameClient"/>; empty if it is unknown.</param>
internal readonly record struct CountedEvent(
    int Cluster,
    MessageKey Message,
    LinkKind Kind,
    bool IsMachine,
    ulong Link,
    ushort Ordinal,
    long TimeMicros,
    string Client);

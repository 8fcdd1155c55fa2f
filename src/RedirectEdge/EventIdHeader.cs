namespace Tracking.RedirectEdge;

/// <summary>The request header in which a gateway tells an edge the id of the event that comes of the request.</summary>
public static class EventIdHeader
{
    /// <summary>Its name; the value is a UUIDv7 as RFC 9562 writes it.</summary>
    public const string Name = "Tracking-Event-Id";
}

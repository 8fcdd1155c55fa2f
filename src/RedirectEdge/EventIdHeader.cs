namespace Tracking.RedirectEdge;

/// <summary>The request header by which a gateway gives an edge the id of the request's event.</summary>
public static class EventIdHeader
{
    /// <summary>The header's name. The value is a UUIDv7 as in RFC 9562.</summary>
    public const string Name = "Tracking-Event-Id";
}

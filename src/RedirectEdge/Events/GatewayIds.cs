using System.Buffers.Binary;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.RedirectEdge.Events;

/// <summary>
/// The event ids that gateways give. When an edge takes a request and does not answer, the gateway may ask another
/// edge. Only one id for both lets the event be stored once. Only configured gateways are trusted: other clients could
/// choose an id that is already used, and so suppress a click.
/// </summary>
internal sealed class GatewayIds(IOptions<RedirectEdgeOptions> options, TimeProvider time, EdgeMeters meters)
{
    private static readonly KeyValuePair<string, object?> _malformed = new("reason", "malformed");
    private static readonly KeyValuePair<string, object?> _clockDiffers = new("reason", "clock");

    private readonly AddressRanges _gateways = new(options.Value.Gateways);
    private readonly long _largestOffsetMillis = (long)options.Value.LargestGatewayClockOffset.TotalMilliseconds;

    /// <summary>Returns the id that the request's gateway gave.</summary>
    /// <returns><see langword="null"/> when the edge must create the id: no gateway, no id, or an invalid id.</returns>
    public Guid? Find(HttpContext context)
    {
        if (_gateways.IsEmpty
            || !_gateways.Contains(context.Features.Get<IHttpConnectionFeature>()?.RemoteIpAddress)
            || context.Request.Headers[EventIdHeader.Name] is not { Count: > 0 } given)
        {
            return null;
        }

        if (given.Count > 1 || !Guid.TryParseExact(given[0], "D", out var id)
            || id.Version != 7 || id.Variant is < 8 or > 11)
        {
            meters.IdsRefused.Add(1, _malformed);
            return null;
        }

        if (Math.Abs(MillisOf(id) - time.GetUtcNow().ToUnixTimeMilliseconds()) > _largestOffsetMillis)
        {
            meters.IdsRefused.Add(1, _clockDiffers);
            return null;
        }

        return id;
    }

    /// <summary>The time of a UUIDv7, ms since 1970 (RFC 9562 §5.7).</summary>
    public static long MillisOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return (long)(BinaryPrimitives.ReadUInt64BigEndian(bytes) >> 16);
    }
}

using System.Net;
using Microsoft.Extensions.Options;
using Tracking.RedirectEdge;
using Tracking.ServiceDefaults.Settings;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Tracking.Gateway.Routing;

/// <summary>
/// Sets the headers of a request to a service: the requested host, the client, and for an edge the id of its event. The
/// client's own values count only if the client is a configured proxy.
/// </summary>
internal sealed class ForwardRequest(IOptions<GatewayOptions> options, TimeProvider time) : ITransformProvider
{
    private const string ForHeader = "X-Forwarded-For";
    private const string ProtoHeader = "X-Forwarded-Proto";
    private const string HostHeader = "X-Forwarded-Host";

    // RFC 7239, and the headers that some proxies use instead. No service reads them, and none should begin to.
    private static readonly string[] _others = ["Forwarded", "X-Forwarded-Prefix", "X-Real-IP"];

    private readonly AddressRanges _proxies = new(options.Value.TrustedProxies);

    /// <inheritdoc/>
    public void Apply(TransformBuilderContext context)
    {
        context.UseDefaultForwarders = false;
        context.AddOriginalHost();
        context.AddRequestTransform(request =>
        {
            Forward(request);
            return ValueTask.CompletedTask;
        });
        var isEdge = context.Route.ClusterId == ServiceNames.Edge;
        context.AddRequestTransform(request =>
        {
            Set(request, EventIdHeader.Name, isEdge ? IdOf(request.HttpContext) : null);
            return ValueTask.CompletedTask;
        });
    }

    /// <inheritdoc/>
    public void ValidateRoute(TransformRouteValidationContext context)
    {
        // This class needs no configuration.
    }

    /// <inheritdoc/>
    public void ValidateCluster(TransformClusterValidationContext context)
    {
        // This class needs no configuration.
    }

    private void Forward(RequestTransformContext request)
    {
        var incoming = request.HttpContext.Request;
        var connected = request.HttpContext.Connection.RemoteIpAddress;
        var isProxy = _proxies.Contains(connected);
        var earlier = isProxy ? incoming.Headers[ForHeader].ToString() : "";
        var scheme = isProxy ? incoming.Headers[ProtoHeader].ToString() : "";
        Set(request, ForHeader, earlier.Length == 0 ? Text(connected) : $"{earlier}, {Text(connected)}");
        Set(request, ProtoHeader, scheme is "http" or "https" ? scheme : incoming.Scheme);
        Set(request, HostHeader, incoming.Host.Value);
        foreach (var other in _others)
        {
            Set(request, other, null);
        }
    }

    // Created once per request, however many copies receive it.
    private string IdOf(HttpContext context)
    {
        if (context.Items.TryGetValue(typeof(EventIdHeader), out var given))
        {
            return (string)given!;
        }

        var id = Guid.CreateVersion7(time.GetUtcNow()).ToString();
        context.Items[typeof(EventIdHeader)] = id;
        return id;
    }

    private static void Set(RequestTransformContext request, string header, string? value)
    {
        RequestTransform.RemoveHeader(request, header);
        if (value is { Length: > 0 })
        {
            RequestTransform.AddHeader(request, header, value);
        }
    }

    private static string? Text(IPAddress? address) =>
        (address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address)?.ToString();
}

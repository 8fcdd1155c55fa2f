using System.Net;
using Microsoft.Extensions.Options;
using Tracking.RedirectEdge;
using Tracking.ServiceDefaults.Settings;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Tracking.Gateway.Routing;

/// <summary>
/// What a request says when it leaves for a service: the host that was asked for, who asks, and for an edge the id of
/// its event. What the client says of these counts only when it is a configured proxy.
/// </summary>
internal sealed class ForwardRequest(IOptions<GatewayOptions> options, TimeProvider time) : ITransformProvider
{
    private const string ForHeader = "X-Forwarded-For";
    private const string ProtoHeader = "X-Forwarded-Proto";
    private const string HostHeader = "X-Forwarded-Host";

    // RFC 7239, and what some proxies say instead of it. Nothing behind reads them, and nothing is to begin to.
    private static readonly string[] Others = ["Forwarded", "X-Forwarded-Prefix", "X-Real-IP"];

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
        // Nothing of it is configured.
    }

    /// <inheritdoc/>
    public void ValidateCluster(TransformClusterValidationContext context)
    {
        // Nothing of it is configured.
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
        foreach (var other in Others)
        {
            Set(request, other, null);
        }
    }

    // Once for a request, however many copies it is offered to.
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

using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Tracking.Links;
using Tracking.RedirectEdge.Clicks;
using Tracking.RedirectEdge.Hosts;
using Tracking.RedirectEdge.Opens;

namespace Tracking.RedirectEdge;

/// <summary>
/// The edge as one request delegate: no routing, no endpoints, no middleware. The token is looked for first, over the
/// raw path, so that no path of a customer's site (<c>linkStyle: path</c>) can meet a route of ours.
/// </summary>
internal sealed class ServeEdge(
    HostDirectory hosts,
    FindNewCluster newClusters,
    ServeClick clicks,
    ServePixel pixel,
    EdgeMeters meters,
    IOptions<RedirectEdgeOptions> options)
{
    private const string TrackHostHeader = "X-Postal-Track-Host";
    private readonly bool _requireTrackHostHeader = options.Value.RequireTrackHostHeader;

    /// <summary>Answers a request; nothing falls through.</summary>
    public Task ServeAsync(HttpContext context)
    {
        var path = PathOf(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        // Methods are case-sensitive (RFC 9110 §9.1); the server gives its own string for these two.
        var method = context.Request.Method;
        if (method != HttpMethods.Get && method != HttpMethods.Head)
        {
            return Refuse(context, EdgeOutcome.MethodNotAllowed);
        }

        return HasPlaceForToken(path)
            ? ServeTokenAsync(context, path)
            : ServePage(context, path);
    }

    /// <summary>The path of a request target as it was sent: neither decoded nor normalised, without the query, also
    /// out of the absolute form (RFC 9112 §3.2.2).</summary>
    internal static ReadOnlySpan<char> PathOf(ReadOnlySpan<char> target)
    {
        if (!target.StartsWith("/"))
        {
            var scheme = target.IndexOf("://");
            if (scheme < 0)
            {
                return default;
            }

            var afterScheme = target[(scheme + 3)..];
            var slash = afterScheme.IndexOfAny('/', '?');
            target = slash >= 0 && afterScheme[slash] == '/' ? afterScheme[slash..] : "/";
        }

        var query = target.IndexOf('?');
        return query < 0 ? target : target[..query];
    }

    private static bool HasPlaceForToken(ReadOnlySpan<char> path) =>
        path.Length > LinkToken.Length && path[^(LinkToken.Length + 1)] is '/' or '-';

    /// <summary>Whether tokens of a kind stand behind such a path: <c>/c/</c>, <c>/o/</c>, <c>/i/</c> alone, or any
    /// path and a hyphen.</summary>
    private static bool Fits(LinkKind kind, ReadOnlySpan<char> before) => kind switch
    {
        LinkKind.Open => before is "/o/",
        LinkKind.Image => before is "/i/",
        _ => before is "/c/" || before[^1] == '-',
    };

    private Task ServeTokenAsync(HttpContext context, ReadOnlySpan<char> path)
    {
        if (hosts.Keys is not { } keys)
        {
            return Refuse(context, EdgeOutcome.Unavailable);
        }

        var outcome = LinkToken.Read(path, keys, out var token);
        if (outcome != TokenOutcome.Valid)
        {
            return outcome == TokenOutcome.Tampered
                ? Refuse(context, EdgeOutcome.Tampered)
                : ServePage(context, path);
        }

        if (!Fits(token.Kind, path[..^LinkToken.Length]))
        {
            return Refuse(context, EdgeOutcome.WrongKind);
        }

        if (!IsMarked(context))
        {
            return Refuse(context, EdgeOutcome.NotMarked);
        }

        var host = hosts.Check(context.Request.Headers.Host.ToString(), token.Cluster);
        return host == HostOutcome.UnknownCluster
            ? ServeNewClusterAsync(context, token)
            : Serve(context, token, host);
    }

    private async Task ServeNewClusterAsync(HttpContext context, LinkToken token) =>
        await Serve(context, token, await newClusters.RunAsync(token.Cluster));

    private Task Serve(HttpContext context, in LinkToken token, HostOutcome host) => host switch
    {
        HostOutcome.Served when token.Kind == LinkKind.Open => pixel.ServeAsync(context, token),
        HostOutcome.Served => clicks.ServeAsync(context, token),
        HostOutcome.UnknownHost => Refuse(context, EdgeOutcome.UnknownHost),
        HostOutcome.NotLoaded => Refuse(context, EdgeOutcome.Unavailable),
        _ => Refuse(context, EdgeOutcome.ForeignHost),
    };

    private Task ServePage(HttpContext context, ReadOnlySpan<char> path)
    {
        if (path is "/")
        {
            Answer.Write(context, EdgeOutcome.Hello);
            return Task.CompletedTask;
        }

        if (path is "/robots.txt")
        {
            Answer.Write(context, EdgeOutcome.Robots);
            return Task.CompletedTask;
        }

        return Refuse(context, EdgeOutcome.NoSuchPage);
    }

    private Task Refuse(HttpContext context, EdgeOutcome outcome)
    {
        meters.Refuse(context, outcome);
        return Task.CompletedTask;
    }

    private bool IsMarked(HttpContext context) =>
        !_requireTrackHostHeader || context.Request.Headers[TrackHostHeader] == "1";
}

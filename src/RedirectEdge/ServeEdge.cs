using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Tracking.Links;
using Tracking.RedirectEdge.Clicks;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Hosts;
using Tracking.RedirectEdge.Imported;
using Tracking.RedirectEdge.Opens;

namespace Tracking.RedirectEdge;

/// <summary>
/// The edge as one request delegate: no routing, no endpoints, no middleware. It searches for a token first, in the raw
/// path, so that no path of a customer's site (<c>linkStyle: path</c>) can collide with a route of ours.
/// </summary>
internal sealed class ServeEdge(
    HostDirectory hosts,
    FindNewCluster newClusters,
    ServeClick clicks,
    ServePixel pixel,
    ServeAppFile appFiles,
    FindImported imported,
    LimitInvalidTokens invalidTokens,
    EdgeMeters meters,
    IOptions<RedirectEdgeOptions> options)
{
    private const string TrackHostHeader = "X-Postal-Track-Host";
    private readonly bool _requireTrackHostHeader = options.Value.RequireTrackHostHeader;

    /// <summary>Answers every request.</summary>
    public Task ServeAsync(HttpContext context)
    {
        var path = PathOf(TargetOf(context));
        // Methods are case-sensitive (RFC 9110 §9.1). The server returns its own string instances for these two.
        var method = context.Request.Method;
        if (method != HttpMethods.Get && method != HttpMethods.Head)
        {
            return Refuse(context, EdgeOutcome.MethodNotAllowed, isPicture: false);
        }

        if (hosts.Keys is not { } keys)
        {
            return HasPlaceForToken(path) || HasPlaceForToken(WithoutTail(path))
                ? Refuse(context, EdgeOutcome.Unavailable, IsPicture(path))
                : ServePage(context, path);
        }

        var upToToken = path;
        var outcome = ReadToken(upToToken, keys, out var token);
        if (outcome != TokenOutcome.Valid && WithoutTail(path) is var shorter && shorter.Length < path.Length)
        {
            upToToken = shorter;
            outcome = ReadToken(upToToken, keys, out token);
        }

        return outcome switch
        {
            TokenOutcome.Valid => ServeTokenAsync(context, upToToken, token),
            TokenOutcome.Tampered => ServeOthersPath(context, path, EdgeOutcome.Tampered),
            _ => ServePage(context, path),
        };
    }

    /// <summary>The path of a request target in its original form: neither decoded nor normalised, without the query,
    /// also from the absolute form (RFC 9112 §3.2.2).</summary>
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

    /// <summary>The query with its question mark; empty without one.</summary>
    internal static ReadOnlySpan<char> QueryOf(ReadOnlySpan<char> target) =>
        target.IndexOf('?') is >= 0 and var query ? target[query..] : default;

    /// <summary>The path without the characters that mail programs wrongly include behind a link's token, such as a
    /// full stop, a bracket or a quote: characters outside the token's alphabet, and percent-escapes (RFC 3986 §2.1) of
    /// them.</summary>
    internal static ReadOnlySpan<char> WithoutTail(ReadOnlySpan<char> path)
    {
        while (!path.IsEmpty)
        {
            if (path.Length >= 3 && path[^3] == '%'
                && byte.TryParse(path[^2..], NumberStyles.AllowHexSpecifier, null, out var escaped))
            {
                if (IsOfToken((char)escaped))
                {
                    break;
                }

                path = path[..^3];
            }
            else if (IsOfToken(path[^1]))
            {
                break;
            }
            else
            {
                path = path[..^1];
            }
        }

        return path;
    }

    /// <summary>Whether a mail program requests tokens of this kind to show an image.</summary>
    internal static bool IsPicture(LinkKind kind) => kind is LinkKind.Open or LinkKind.Image;

    // Without a valid token the path tells the expected kind.
    private static bool IsPicture(ReadOnlySpan<char> path) => path.StartsWith("/o/") || path.StartsWith("/i/");

    private static string TargetOf(HttpContext context) =>
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;

    private static bool IsOfToken(char character) => char.IsAsciiLetterOrDigit(character) || character is '-' or '_';

    private static TokenOutcome ReadToken(ReadOnlySpan<char> path, SigningKeys keys, out LinkToken token)
    {
        if (HasPlaceForToken(path))
        {
            return LinkToken.Read(path, keys, out token);
        }

        token = default;
        return TokenOutcome.NotAToken;
    }

    private static bool HasPlaceForToken(ReadOnlySpan<char> path) =>
        path.Length > LinkToken.Length && path[^(LinkToken.Length + 1)] is '/' or '-';

    /// <summary>Whether a path fits tokens of a kind: <c>/c/</c>, <c>/o/</c> or <c>/i/</c> alone, or any path and a
    /// hyphen.</summary>
    private static bool Fits(LinkKind kind, ReadOnlySpan<char> before) => kind switch
    {
        LinkKind.Open => before is "/o/",
        LinkKind.Image => before is "/i/",
        _ => before is "/c/" || before[^1] == '-',
    };

    private Task ServeTokenAsync(HttpContext context, ReadOnlySpan<char> path, in LinkToken token)
    {
        if (!Fits(token.Kind, path[..^LinkToken.Length]))
        {
            return Refuse(context, EdgeOutcome.WrongKind, IsPicture(path));
        }

        if (!IsMarked(context))
        {
            return Refuse(context, EdgeOutcome.NotMarked, IsPicture(token.Kind));
        }

        return ServeOnHost(context, token);
    }

    private Task ServeOnHost(HttpContext context, in LinkToken token)
    {
        var host = hosts.Check(context.Request.Headers.Host.ToString(), token.Cluster);
        return host switch
        {
            HostOutcome.UnknownName => ServeNewHostAsync(context, token),
            HostOutcome.UnknownCluster => ServeNewClusterAsync(context, token),
            _ => Serve(context, token, host),
        };
    }

    private async Task ServeNewHostAsync(HttpContext context, LinkToken token)
    {
        var host = await hosts.FindAsync(context.Request.Headers.Host.ToString(), token.Cluster);
        await (host == HostOutcome.UnknownCluster
            ? ServeNewClusterAsync(context, token)
            : Serve(context, token, host));
    }

    private async Task ServeNewClusterAsync(HttpContext context, LinkToken token) =>
        await Serve(context, token, await newClusters.RunAsync(token.Cluster));

    private Task Serve(HttpContext context, in LinkToken token, HostOutcome host) => host switch
    {
        HostOutcome.Served when token.Kind == LinkKind.Open => pixel.ServeAsync(context, token),
        HostOutcome.Served => clicks.ServeAsync(context, token),
        HostOutcome.UnknownHost => Refuse(context, EdgeOutcome.UnknownHost, IsPicture(token.Kind)),
        HostOutcome.NotLoaded => Refuse(context, EdgeOutcome.Unavailable, IsPicture(token.Kind)),
        _ => Refuse(context, EdgeOutcome.ForeignHost, IsPicture(token.Kind)),
    };

    private Task ServePage(HttpContext context, ReadOnlySpan<char> path)
    {
        if (path is "/")
        {
            EdgeAnswer.Write(context, EdgeOutcome.Hello);
            return Task.CompletedTask;
        }

        if (path is "/robots.txt")
        {
            EdgeAnswer.Write(context, EdgeOutcome.Robots);
            return Task.CompletedTask;
        }

        return ServeAppFile.KindOf(path) is { } kind && IsMarked(context)
            ? appFiles.ServeAsync(context, kind)
            : ServeOthersPath(context, path, EdgeOutcome.NoSuchPage);
    }

    /// <summary>Serves a path that is not ours, where the host has imported links.</summary>
    /// <param name="context">The request.</param>
    /// <param name="path">Its path.</param>
    /// <param name="otherwise">The outcome when it is no imported link either.</param>
    private Task ServeOthersPath(HttpContext context, ReadOnlySpan<char> path, EdgeOutcome otherwise) =>
        IsMarked(context) && imported.MayHave(context.Request.Headers.Host.ToString())
            ? ServeImportedAsync(context, path.ToString(), otherwise)
            : RefuseUnknown(context, path, otherwise);

    private async Task ServeImportedAsync(HttpContext context, string path, EdgeOutcome otherwise)
    {
        var found = await imported.RunAsync(
            context.Request.Headers.Host.ToString(), path, QueryOf(TargetOf(context)).ToString());
        if (found.Token is not { } token)
        {
            await (found.Outcome == LookupOutcome.Unavailable
                ? Refuse(context, EdgeOutcome.Unavailable, IsPicture(path))
                : RefuseUnknown(context, path, otherwise));
            return;
        }

        await ServeOnHost(context, token);
        EdgeAnswer.KeepMethod(context);
    }

    private Task RefuseUnknown(HttpContext context, ReadOnlySpan<char> path, EdgeOutcome outcome) => Refuse(
        context,
        outcome != EdgeOutcome.Tampered || invalidTokens.MayTry(context) ? outcome : EdgeOutcome.TooManyInvalid,
        IsPicture(path));

    private Task Refuse(HttpContext context, EdgeOutcome outcome, bool isPicture)
    {
        EdgeAnswer.Refuse(context, meters, outcome, isPicture);
        return Task.CompletedTask;
    }

    private bool IsMarked(HttpContext context) =>
        !_requireTrackHostHeader || context.Request.Headers[TrackHostHeader] == "1";
}

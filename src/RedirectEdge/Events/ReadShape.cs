using Microsoft.AspNetCore.Http;
using Tracking.Contracts;
using Tracking.Links;

namespace Tracking.RedirectEdge.Events;

/// <summary>Looks at the headers that a browser adds by itself. Nothing is allocated, and of what they say only six
/// bits are kept.</summary>
internal static class ReadShape
{
    /// <summary>The packed <see cref="RequestShape"/> of a request for a token of a kind.</summary>
    public static byte Of(HttpRequest request, LinkKind kind)
    {
        var headers = request.Headers;
        var isPicture = ServeEdge.IsPicture(kind);
        var (mode, destination) = (headers["Sec-Fetch-Mode"].ToString(), headers["Sec-Fetch-Dest"].ToString());
        var fetch =
            mode.Length == 0 && destination.Length == 0
                ? request.IsHttps ? FetchMetadata.NoneOverHttps : FetchMetadata.NoneOverHttp
            : (isPicture ? destination == "image" : mode == "navigate") ? FetchMetadata.Fits
            : FetchMetadata.Other;
        return new RequestShape(
            fetch,
            HintsOf(headers["Sec-CH-UA"].ToString(), headers.UserAgent.ToString()),
            IsPrefetch(headers),
            headers.AcceptLanguage.Count > 0).Pack();
    }

    // The current header (Sec-Purpose: prefetch;prerender), and what browsers sent before it.
    private static bool IsPrefetch(IHeaderDictionary headers) =>
        headers["Sec-Purpose"].ToString().StartsWith("prefetch", StringComparison.OrdinalIgnoreCase)
        || headers["Purpose"].ToString() is "prefetch" or "preview"
        || headers["X-Moz"].ToString() == "prefetch";

    // Brands with the version of Chromium in quotes: "Chromium";v="142". Browsers that are not Chromium send none.
    private static ClientHints HintsOf(string brands, string userAgent)
    {
        if (brands.Length == 0)
        {
            return ClientHints.None;
        }

        const string Chrome = "Chrome/";
        var at = userAgent.IndexOf(Chrome, StringComparison.Ordinal);
        if (at < 0)
        {
            return ClientHints.Contradict;
        }

        var version = userAgent.AsSpan(at + Chrome.Length);
        var end = version.IndexOfAnyExceptInRange('0', '9');
        version = end < 0 ? version : version[..end];
        foreach (var brand in brands.AsSpan().Split("v=\""))
        {
            var text = brands.AsSpan()[brand];
            if (!version.IsEmpty && text.StartsWith(version) && text[version.Length..].StartsWith("\""))
            {
                return ClientHints.Agree;
            }
        }

        return ClientHints.Contradict;
    }
}

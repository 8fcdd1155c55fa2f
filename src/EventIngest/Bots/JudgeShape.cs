using System.Globalization;
using Tracking.Contracts;
using Tracking.Links;

namespace Tracking.EventIngest.Bots;

/// <summary>
/// Compares a request with the browser that its user agent names. Current browsers send fetch metadata, client hints
/// (Chromium) and languages by themselves. Only clicks are compared: pictures are loaded by mail programs, which name
/// the browser on which they are built and send fewer headers. Headers that a person's browser may lack never make it a
/// machine, see <see cref="Reasons"/>.
/// </summary>
internal static class JudgeShape
{
    // The first versions that send these headers over https: chromestatus.com, MDN "Sec-Fetch-Site" and "Sec-CH-UA".
    // The numbers here are some versions higher, because of embedded browsers.
    private const int FetchInChromium = 90;
    private const int FetchInFirefox = 95;
    private const int HintsInChromium = 100;

    /// <summary>Adds the reasons that the shape gives.</summary>
    /// <param name="reasons">The reasons found so far.</param>
    /// <param name="packed">The packed <see cref="RequestShape"/>.</param>
    /// <param name="kind">The kind of the requested link.</param>
    /// <param name="userAgent">The user agent.</param>
    public static void Add(List<Reason> reasons, byte packed, LinkKind kind, string userAgent)
    {
        if (RequestShape.Unpack(packed) is not { } shape)
        {
            return;
        }

        if (shape.IsPrefetch)
        {
            reasons.Add(Reasons.PrefetchHeader);
        }

        if (kind != LinkKind.Click || !reasons.Contains(Reasons.Browser))
        {
            return;
        }

        var (chromium, firefox) = (VersionOf(userAgent, "Chrome/"), VersionOf(userAgent, "Firefox/"));
        var isHttps = shape.Fetch == FetchMetadata.NoneOverHttps;
        if (shape.Fetch == FetchMetadata.Fits)
        {
            reasons.Add(Reasons.FetchMetadata);
        }
        else if (shape.Fetch == FetchMetadata.Other)
        {
            reasons.Add(Reasons.OtherFetchMetadata);
        }
        else if (isHttps && (chromium >= FetchInChromium || firefox >= FetchInFirefox))
        {
            reasons.Add(Reasons.NoFetchMetadata);
        }

        if (shape.Hints == ClientHints.Contradict)
        {
            reasons.Add(Reasons.HintsContradict);
        }
        else if (isHttps && shape.Hints == ClientHints.None && chromium >= HintsInChromium)
        {
            reasons.Add(Reasons.NoClientHints);
        }

        if (!shape.HasLanguage)
        {
            reasons.Add(Reasons.NoLanguage);
        }
    }

    private static int VersionOf(string userAgent, string name)
    {
        var at = userAgent.IndexOf(name, StringComparison.Ordinal);
        if (at < 0)
        {
            return 0;
        }

        var version = userAgent.AsSpan(at + name.Length);
        var end = version.IndexOfAnyExceptInRange('0', '9');
        return int.TryParse(end < 0 ? version : version[..end], NumberStyles.None, CultureInfo.InvariantCulture, out
            var number) ? number : 0;
    }
}

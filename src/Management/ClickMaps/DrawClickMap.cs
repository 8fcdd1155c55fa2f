using System.Globalization;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;
using Ganss.Xss;
using Tracking.Links;
using Tracking.Management.Console.Texts;

namespace Tracking.Management.ClickMaps;

/// <summary>
/// Draws a mail with the share of the clicks beside each link. The sender of the mail is not trusted: an allow-list
/// (HtmlSanitizer) keeps text, tables, inline styles and pictures that the mail itself contains. No URL stays in the
/// document, so the browser sends no request. If a browser reads the rest in another way than the allow-list did, the
/// document's policy (<see cref="Policy"/>) forbids scripts and requests.
/// </summary>
internal static class DrawClickMap
{
    /// <summary>The Content-Security-Policy of the document: a separate origin, the styles of the mail, and nothing
    /// else.</summary>
    public const string Policy =
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
        + "frame-ancestors 'self'";

    private const string Place = "data-place";

    private static readonly string[] _notInMail =
    [
        "form", "input", "button", "select", "textarea", "option", "optgroup", "fieldset", "legend", "label", "datalist",
        "output", "keygen", "menuitem", "dialog", "details", "summary", "map", "area", "progress", "meter", "video",
        "audio", "source", "track", "picture",
    ];

    /// <summary>Draws the document.</summary>
    public static string Draw(ClickMap map)
    {
        using var document = new HtmlParser().ParseDocument(map.Html);
        MarkPlaces(document);
        var html = Allow().SanitizeDom((IHtmlDocument)document, document.Body);
        AddShares(html, map.Clicks);
        return Frame(html.Body!.InnerHtml);
    }

    // This runs before anything is removed, because a link's URL holds its place.
    private static void MarkPlaces(IHtmlDocument document)
    {
        foreach (var element in document.All.ToList())
        {
            // Open pixels, ours and those of others.
            if (element is { LocalName: "img" } && element.GetAttribute("width") == "1"
                && element.GetAttribute("height") == "1")
            {
                element.Remove();
                continue;
            }

            element.RemoveAttribute(Place);
            if (PlaceToken.Read(element.GetAttribute("href") ?? element.GetAttribute("src")) is { } ordinal)
            {
                element.SetAttribute(Place, ordinal.ToString(CultureInfo.InvariantCulture));
            }
        }
    }

    private static HtmlSanitizer Allow()
    {
        var sanitizer = new HtmlSanitizer();
        sanitizer.AllowedTags.ExceptWith(_notInMail);
        sanitizer.AllowedAttributes.ExceptWith(
            ["href", "action", "background", "id", "name", "usemap", "ping", "srcset"]);
        sanitizer.AllowedAttributes.Add(Place);
        sanitizer.AllowedSchemes.Clear();
        sanitizer.AllowedSchemes.Add("data");
        sanitizer.AllowedAtRules.Clear();
        // A relative URL would lead to this console.
        sanitizer.FilterUrl += (_, url) => url.SanitizedUrl =
            url.OriginalUrl.TrimStart().StartsWith("data:image/", StringComparison.OrdinalIgnoreCase)
                ? url.SanitizedUrl : null;
        return sanitizer;
    }

    private static void AddShares(IHtmlDocument document, IReadOnlyDictionary<int, long> clicks)
    {
        var all = clicks.Values.Sum();
        foreach (var link in document.QuerySelectorAll($"[{Place}]").ToList())
        {
            if (!int.TryParse(link.GetAttribute(Place), CultureInfo.InvariantCulture, out var ordinal))
            {
                continue;
            }

            var count = clicks.GetValueOrDefault(ordinal);
            var share = document.CreateElement("b");
            share.ClassName = count == 0 ? "tracking-share none" : "tracking-share";
            share.TextContent = Words.Map.Share(count, all);
            share.SetAttribute("title", Words.Map.Clicks(count));
            link.ParentElement?.InsertBefore(share, link.NextSibling);
        }
    }

    private static string Frame(string body) =>
        $$"""
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><title>{{System.Net.WebUtility.HtmlEncode(Words.Map.Mail)}}</title><style>
        :root { color-scheme: light; }
        body { margin: 0; padding: 16px; background: #fff; color: #17202b; overflow-wrap: anywhere; }
        img { max-width: 100%; min-height: 1em; outline: 1px dashed #8792a0; }
        [data-place] { outline: 2px solid #3451d1; outline-offset: 1px; }
        .tracking-share { display: inline-block !important; position: relative; background: #3451d1; color: #fff; font: 600 12px/18px system-ui, sans-serif; border-radius: 9px; padding: 0 7px; margin: 0 4px; white-space: nowrap; letter-spacing: 0; text-transform: none; }
        .tracking-share.none { background: #465260; }
        </style></head><body>{{body}}</body></html>
        """;
}

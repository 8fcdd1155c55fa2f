using Tracking.Database;

namespace Tracking.EventIngest.Statistics;

/// <summary>Names the program that caused an event, for the grouping <c>client</c>. The name depends only on stored
/// columns, so a rebuild of the counters finds the same name.</summary>
internal static class NameClient
{
    // The order matters: Edge and Opera also name Chrome, Chrome also names Safari, and every browser names Mozilla.
    private static readonly (string[] Pieces, string Name)[] _families =
    [
        (["GoogleImageProxy"], "Gmail"),
        (["YahooMailProxy"], "Yahoo Mail"),
        (["Thunderbird/"], "Thunderbird"),
        (["Outlook", "MSOffice", "ms-office"], "Outlook"),
        (["Edge/", "EdgA/", "EdgiOS/", "Edg/"], "Edge"),
        (["OPR/"], "Opera"),
        (["SamsungBrowser/"], "Samsung Internet"),
        (["Firefox/", "FxiOS/"], "Firefox"),
        (["Chrome/", "CriOS/"], "Chrome"),
        (["Safari/"], "Safari"),
    ];

    private static readonly string[] _apple = ["iPhone", "iPad", "Macintosh"];

    /// <summary>The name, at most <see cref="FirstMoments.MaxClientBytes"/> long; empty if both columns are
    /// empty.</summary>
    /// <param name="vendor">The stored vendor.</param>
    /// <param name="userAgent">The stored user agent.</param>
    public static string Of(string? vendor, string? userAgent)
    {
        if (vendor is not null)
        {
            return vendor.Length > FirstMoments.MaxClientBytes / 4
                ? vendor[..(FirstMoments.MaxClientBytes / 4)]
                : vendor;
        }

        if (string.IsNullOrEmpty(userAgent))
        {
            return "";
        }

        foreach (var (pieces, name) in _families)
        {
            if (Array.Exists(pieces, piece => userAgent.Contains(piece, StringComparison.Ordinal)))
            {
                return name;
            }
        }

        return IsAppleMail(userAgent) ? "Apple Mail"
            : userAgent == "Mozilla/5.0" ? "Apple Mail (private relay)"
            : "other";
    }

    private static bool IsAppleMail(string userAgent)
    {
        var kit = userAgent.LastIndexOf("AppleWebKit/", StringComparison.Ordinal);
        return kit > 0 && Array.Exists(
            _apple, device => userAgent.IndexOf(device, 0, kit, StringComparison.Ordinal) >= 0);
    }
}

namespace Tracking.Certificates.Renewal;

/// <summary>When a certificate is renewed where its authority does not say.</summary>
internal static class RenewalTime
{
    // Below ten days two thirds leave too few days for people (Let's Encrypt, profiles: renew 160-hour ones at half).
    private static readonly TimeSpan _short = TimeSpan.FromDays(10);

    // An authority's window is overruled when so little is left: it may be lost, or wrong.
    private const double Overruled = 1.0 / 20;

    /// <summary>With one third of its life left, half below ten days. The real interval counts: authorities issue from an
    /// hour ago.</summary>
    public static DateTimeOffset Of(DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var life = notAfter - notBefore;
        return notAfter - (life < _short ? life / 2 : life / 3);
    }

    /// <summary>The instant that was chosen from the authority's window, unless it leaves too little life.</summary>
    public static DateTimeOffset Within(DateTimeOffset chosen, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var latest = notAfter - ((notAfter - notBefore) * Overruled);
        return chosen < latest ? chosen : latest;
    }

    /// <summary>The share of its life that a certificate has left, 0 to 1.</summary>
    public static double ShareLeft(DateTimeOffset notBefore, DateTimeOffset notAfter, DateTimeOffset now) =>
        Math.Clamp((notAfter - now) / (notAfter - notBefore), 0, 1);
}

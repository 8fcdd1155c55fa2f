using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Tracking.Links;

namespace Tracking.Certificates.Renewal;

/// <summary>The time of a renewal if the authority names none.</summary>
internal static class RenewalTime
{
    // With a lifetime below ten days, a third leaves people too little time (Let's Encrypt, profiles: renew 160-hour
    // certificates at half of their life).
    private static readonly TimeSpan _short = TimeSpan.FromDays(10);

    // The authority's window is not used if it leaves less life than this share, because the window may be lost or
    // wrong.
    private const double Overruled = 1.0 / 20;

    // Names that were verified in the same hour must not be renewed in the same hour for ever.
    private const double Spread = 1.0 / 12;

    /// <summary>The renewal is due with a third of the life left, or with half of it below ten days. Up to a twelfth of
    /// the life is added by the name, always the same for one name, so that renewals of many names spread out. The life
    /// is counted from the certificate's own dates, because authorities date certificates an hour back.</summary>
    public static DateTimeOffset Of(HostName host, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var life = notAfter - notBefore;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.ASCII.GetBytes(host.Value), hash);
        var share = BinaryPrimitives.ReadUInt32BigEndian(hash) / (uint.MaxValue + 1.0);
        return notAfter - (life < _short ? life / 2 : life / 3) - (life * Spread * share);
    }

    /// <summary>The instant from the authority's window, unless it leaves too little life.</summary>
    public static DateTimeOffset Within(DateTimeOffset chosen, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var latest = notAfter - ((notAfter - notBefore) * Overruled);
        return chosen < latest ? chosen : latest;
    }

    /// <summary>The remaining share of a certificate's life, 0 to 1.</summary>
    public static double ShareLeft(DateTimeOffset notBefore, DateTimeOffset notAfter, DateTimeOffset now) =>
        Math.Clamp((notAfter - now) / (notAfter - notBefore), 0, 1);
}

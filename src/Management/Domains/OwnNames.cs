using System.Security.Cryptography;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management.Domains;

/// <summary>The operator's own names and the rules that follow from them for tracking domains.</summary>
/// <param name="Host">The host of links without a tracking domain.</param>
/// <param name="Zone">The zone of verification targets.</param>
internal sealed record OwnNames(HostName Host, HostName Zone)
{
    // RFC 4648's base32 in lower case: no digit that looks like a letter.
    private const string Digits = "abcdefghijklmnopqrstuvwxyz234567";

    // A target has 100 random bits, so nobody guesses one, and none is issued twice.
    private const int TargetDigits = 20;

    /// <summary>Reads the names from validated settings.</summary>
    public static OwnNames Of(SystemOptions system)
    {
        _ = HostName.TryParse(system.SystemHost, out var host);
        return new OwnNames(host, HostName.TryParse(system.SystemZone, out var zone) ? zone : host);
    }

    /// <summary>Makes a new verification target.</summary>
    public string NewTarget() => $"v-{RandomNumberGenerator.GetString(Digits, TargetDigits)}.{Zone}";

    /// <summary>Reads a name that is to become a tracking domain.</summary>
    public TrackingDomainName Read(string? hostname) => TrackingDomainName.Read(hostname, Host, Zone);
}

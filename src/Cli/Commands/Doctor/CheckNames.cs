using System.Net;
using System.Security.Cryptography;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.Cli.Commands.Doctor;

/// <summary>Checks whether the operator's own names have addresses.</summary>
internal static class CheckNames
{
    /// <summary>A random name in the zone, which stands for the verification targets.</summary>
    public static string RandomTarget(HostName zone) =>
        $"v-{RandomNumberGenerator.GetHexString(20, lowercase: true)}.{zone}";

    /// <summary>Checks the system host, the zone of the targets, and the operator's other hosts.</summary>
    /// <returns>The rows, and every address that was found.</returns>
    public static async Task<(List<DoctorRow> Rows, List<IPAddress> Addresses)> RunAsync(
        AskDns dns, DoctorSettings settings, CancellationToken cancellationToken)
    {
        var rows = new List<DoctorRow>();
        var (ours, failure) = await dns.AddressesAsync(settings.SystemHost.Value, cancellationToken);
        rows.Add(SystemHost(settings.SystemHost, ours, failure));

        var target = await dns.AddressesAsync(RandomTarget(settings.Zone), cancellationToken);
        rows.Add(Wildcard(settings, ours, target.Addresses, target.Failure));

        var all = ours.Concat(target.Addresses).ToList();
        foreach (var host in settings.OtherHosts)
        {
            var (theirs, missing) = await dns.AddressesAsync(host.Value, cancellationToken);
            rows.Add(theirs.Count > 0
                ? new DoctorRow("other-host", host.Value, RowState.Ok, Shown(theirs))
                : new DoctorRow(
                    "other-host", host.Value, RowState.Wrong, missing ?? "no address",
                    ours.Count > 0 ? Shown(ours) : "the addresses of this installation",
                    "Enter its address records, or take it out of Tracking__Certificates__Hosts."));
            all.AddRange(theirs);
        }

        return (rows, [.. all.Distinct()]);
    }

    /// <summary>Addresses in the form of DNS records.</summary>
    public static string Shown(IEnumerable<IPAddress> addresses) => string.Join(", ", addresses
        .Select(address => $"{(address.GetAddressBytes().Length == 4 ? "A" : "AAAA")} {address}")
        .Order(StringComparer.Ordinal));

    private static DoctorRow SystemHost(HostName host, IReadOnlyList<IPAddress> addresses, string? failure) =>
        addresses.Count == 0
            ? new DoctorRow(
                "system-host", host.Value, RowState.Wrong, failure ?? "no address",
                "the addresses at which this installation is reached (A, AAAA)",
                "Enter its address records, or set Tracking__SystemHost to a name of yours.")
            : Proxies.AreCloudflare(addresses)
                ? new DoctorRow(
                    "system-host", host.Value, RowState.Warning, $"{Shown(addresses)}, Cloudflare's proxy",
                    "the addresses of this installation",
                    "Set the record to \"DNS only\" (grey cloud), unless Cloudflare is to see every click.")
                : new DoctorRow("system-host", host.Value, RowState.Ok, Shown(addresses));

    private static DoctorRow Wildcard(
        DoctorSettings settings, IReadOnlyList<IPAddress> ours, IReadOnlyList<IPAddress> target, string? failure)
    {
        var subject = $"*.{settings.Zone}";
        var should = ours.Count > 0
            ? $"{Shown(ours)}, as {settings.SystemHost}"
            : "the addresses at which this installation is reached (A, AAAA)";
        var enter = $"Enter address records with the name {subject} in the zone's DNS.";
        return target.Count == 0
                ? new DoctorRow("zone-wildcard", subject, RowState.Wrong, failure ?? "no address", should, enter)
            : Proxies.AreCloudflare(target)
                ? new DoctorRow(
                    "zone-wildcard", subject, RowState.Wrong, $"{Shown(target)}, Cloudflare's proxy",
                    "the addresses of this installation",
                    "Set the record to \"DNS only\" (grey cloud): the proxy refuses other people's names (error 1014).")
            : !target.ToHashSet().SetEquals(ours)
                ? new DoctorRow("zone-wildcard", subject, RowState.Wrong, Shown(target), should, enter)
                : new DoctorRow("zone-wildcard", subject, RowState.Ok, Shown(target));
    }
}

using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Dns;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier;

/// <summary>
/// Checks once, when the verifier starts, whether verification targets have addresses. A random name in the system zone
/// must have addresses, and they must not belong to a proxy. Otherwise one warning is logged: names would still be
/// verified, but their links would lead nowhere.
/// </summary>
internal sealed partial class LookAtOwnZone(
    AskResolver resolver, IOptions<SystemOptions> system, ILogger<LookAtOwnZone> logger) : BackgroundService
{
    // Questions for both address families, at each of several resolvers.
    private const int MostQueries = 16;

    private readonly HostName _zone =
        HostName.TryParse(system.Value.SystemZone ?? system.Value.SystemHost, out var zone) ? zone : default;

    /// <summary>Runs the check.</summary>
    /// <param name="cancellationToken">Ends it with an exception.</param>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Names under localhost are for trying out. They lead to the machine itself without DNS.
        if (_zone.Value == "localhost" || _zone.Value.EndsWith(".localhost", StringComparison.Ordinal))
        {
            return;
        }

        var label = $"v-{RandomNumberGenerator.GetHexString(20, lowercase: true)}";
        if (!DnsName.TryParse($"{label}.{_zone}", out var target))
        {
            // The zone is so long that no name below it is possible.
            LogWithoutAddress(_zone);
            return;
        }

        var (addresses, isCertain) = await resolver.AddressesAsync(
            target, new QueryBudget(MostQueries), cancellationToken);
        if (Proxies.AreCloudflare(addresses))
        {
            LogProxied(_zone, Shown(addresses));
        }
        else if (addresses.Count == 0 && isCertain)
        {
            LogWithoutAddress(_zone);
        }
        else if (addresses.Count == 0)
        {
            LogUnknown(_zone);
        }
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => RunAsync(stoppingToken);

    private static string Shown(IReadOnlyList<IPAddress> addresses) => string.Join(", ", addresses);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The name *.{Zone} has no address, so links on tracking domains lead nowhere. Create the DNS record "
            + "*.{Zone} with the addresses of this installation. trackctl doctor checks the record")]
    private partial void LogWithoutAddress(HostName zone);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The name *.{Zone} has addresses of Cloudflare's proxy ({Addresses}). The proxy answers links on "
            + "tracking domains with error 1014. Set the DNS record *.{Zone} to \"DNS only\" at Cloudflare")]
    private partial void LogProxied(HostName zone, string addresses);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "No DNS resolver answers, so it is unknown whether *.{Zone} has the addresses of this installation. "
            + "Checks of tracking domains have no result until a resolver answers")]
    private partial void LogUnknown(HostName zone);
}

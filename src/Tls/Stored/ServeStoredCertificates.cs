using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Tracking.Database;
using Tracking.Links;
using Tracking.Tls.Certificates;
using Tracking.Tls.Challenges;

namespace Tracking.Tls.Stored;

/// <summary>Adds the certificates of tracking domains, and the answers to challenges, from the database.</summary>
public static class ServeStoredCertificates
{
    /// <summary>Adds the services. Expects the database, the look-up of tracking domains,
    /// <see cref="TlsComposition.AddTls"/>, and a master key if certificates exist.</summary>
    public static IHostApplicationBuilder AddStoredCertificates(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var services = builder.Services;
        services.AddMasterKeys();
        services.AddSingleton<IServedHosts, TrackingDomainHosts>();
        services.AddSingleton<ICertificateSource, StoredCertificates>();
        services.AddSingleton<StoredAccounts>();
        services.AddSingleton<IChallengeThumbprints>(provider => provider.GetRequiredService<StoredAccounts>());
        services.AddSingleton<IChallengeCertificates>(provider => provider.GetRequiredService<StoredAccounts>());
        services.AddHostedService(provider => provider.GetRequiredService<StoredAccounts>());
        services.AddSingleton(provider => new HeedHostChange(change =>
        {
            provider.GetRequiredService<StoredAccounts>().RequestNow();
            if (HostName.TryParse(change.Hostname, out var name))
            {
                // Faults of a source are logged by the source.
                _ = provider.GetRequiredService<IServedCertificates>().ReplaceAsync(name, CancellationToken.None);
            }
        }));
        return builder;
    }
}

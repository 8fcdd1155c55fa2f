using Tracking.Bus;
using Tracking.Database;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Certificates;

/// <summary>Obtains and renews certificates of tracking domains (ACME, RFC 8555). Nothing orders any yet: tracking
/// domains do not exist. It runs, hears of changes, checks its settings and tells its health, so that what deploys it
/// need not change when they do.</summary>
public static class CertificatesComposition
{
    /// <summary>Adds what it has: its settings, the database, and news of changes.</summary>
    public static IHostApplicationBuilder AddCertificates(this IHostApplicationBuilder builder)
    {
        builder.AddBus();
        builder.AddTrackingDatabase();
        builder.AddDirectoryChanges();
        builder.AddTrackingOptions<CertificateOptions>(CertificateOptions.Section);
        return builder;
    }

    /// <summary>Maps nothing yet.</summary>
    public static WebApplication MapCertificates(this WebApplication app) => app;
}

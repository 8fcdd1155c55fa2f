using Tracking.Bus;
using Tracking.Database;

namespace Tracking.DomainVerifier;

/// <summary>Checks that tracking domains lead here. Nothing does so yet: tracking domains do not exist. It runs, hears of changes and tells its
/// health, so that what deploys it need not change when they do.</summary>
public static class DomainVerifierComposition
{
    /// <summary>Adds what it has: the database, and news of changes.</summary>
    public static IHostApplicationBuilder AddDomainVerifier(this IHostApplicationBuilder builder)
    {
        builder.AddBus();
        builder.AddTrackingDatabase();
        builder.AddDirectoryChanges();
        return builder;
    }

    /// <summary>Maps nothing yet.</summary>
    public static WebApplication MapDomainVerifier(this WebApplication app) => app;
}

using Microsoft.Extensions.DependencyInjection.Extensions;
using Tracking.Bus;
using Tracking.Database;
using Tracking.DomainVerifier.Verification;
using Tracking.Dns;

namespace Tracking.DomainVerifier;

/// <summary>Checks that tracking domains lead here. It runs, hears of changes and tells its health; what checks names
/// is there, what calls it is not yet.</summary>
public static class DomainVerifierComposition
{
    /// <summary>Adds what it has: the database, news of changes, and asking DNS.</summary>
    public static IHostApplicationBuilder AddDomainVerifier(this IHostApplicationBuilder builder)
    {
        builder.AddBus();
        builder.AddTrackingDatabase();
        builder.AddDirectoryChanges();
        builder.AddDns();
        builder.Services.TryAddSingleton<VerificationWalk>();
        return builder;
    }

    /// <summary>Maps nothing yet.</summary>
    public static WebApplication MapDomainVerifier(this WebApplication app) => app;
}

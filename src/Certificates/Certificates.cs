using MassTransit;
using Tracking.Bus;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Issuance;
using Tracking.Certificates.Renewal;
using Tracking.Certificates.Requests;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Dns;
using Tracking.ServiceDefaults.Settings;
using Tracking.Tls.Stored;

namespace Tracking.Certificates;

/// <summary>Obtains and renews the certificates of tracking domains and of the operator's own hosts (ACME, RFC
/// 8555).</summary>
public static class CertificatesComposition
{
    /// <summary>Adds accounts, orders and renewals. Without a configured authority nothing is ordered.</summary>
    public static IHostApplicationBuilder AddCertificates(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddBus();
        builder.AddTrackingDatabase();
        builder.AddDirectoryChanges();
        builder.AddDns();
        var services = builder.Services;
        builder.AddTrackingOptions<CertificateOptions>(CertificateOptions.Section);
        services.AddMasterKeys();
        services.AddSingleton<OpenAccounts>();
        services.AddSingleton<Budgets>();
        services.AddSingleton<PreCheck>();
        services.AddSingleton<AskCaa>();
        services.AddSingleton<ChooseAuthority>();
        services.AddSingleton<StoreOrder>();
        services.AddSingleton<KeepCertificate>();
        services.AddSingleton<TellGateways>();
        services.AddSingleton<WarnOfExpiry>();
        services.AddSingleton<EndAttempt>();
        services.AddSingleton<AnswerChallenges>();
        services.AddSingleton<FetchCertificate>();
        services.AddSingleton<IssueCertificate>();
        services.AddSingleton<OwnHosts>();
        services.AddSingleton<FollowDomains>();
        services.AddSingleton<NamesWaiting>();
        services.AddSingleton<ClaimNames>();
        services.AddSingleton<AskRenewal>();
        services.AddSingleton<PruneTimeline>();
        services.AddMetrics();
        services.AddSingleton<CertificateTelemetry>();
        services.AddSingleton<MeasureCertificates>();
        services.AddSingleton<StoreRequests>();
        services.AddSingleton<RegisterAccounts>();
        services.AddSingleton<ChangeAccountKey>();
        services.AddSingleton<OrderForTest>();
        services.AddSingleton<TestName>();
        services.AddSingleton<RevokeCertificate>();
        if (builder.Configuration.ReadTrackingOptions<CertificateOptions>(CertificateOptions.Section)
            .Authorities.Count == 0)
        {
            // Without an authority the service needs no master key and has no work.
            return builder;
        }

        services.AddHostedService<RenewCertificates>();
        services.AddHostedService<CarryOutRequests>();
        services.AddHostedService<ResealKeys>();
        services.AddHostedService<ProbeOwnHosts>();
        services.AddSingleton(new BusEndpoint(QueueNames.OrderCertificates, (context, queue) =>
        {
            // The message is only a call. The database has the names that want a certificate.
            var waiting = context.GetRequiredService<NamesWaiting>();
            queue.Handler<TrackingDomainVerified>(_ =>
            {
                waiting.Call();
                return Task.CompletedTask;
            });
        }));
        return builder;
    }

    /// <summary>Maps nothing: this service answers the bus only.</summary>
    public static WebApplication MapCertificates(this WebApplication app) => app;
}

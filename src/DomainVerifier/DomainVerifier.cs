using MassTransit;
using Microsoft.Extensions.Options;
using Tracking.Bus;
using Tracking.Contracts;
using Tracking.Database;
using Tracking.Dns;
using Tracking.DomainVerifier.Notices;
using Tracking.DomainVerifier.Verification;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.DomainVerifier;

/// <summary>Checks that the records of tracking domains lead here, and notifies a cluster when its record does
/// not.</summary>
public static class DomainVerifierComposition
{
    /// <summary>Adds the checks of tracking domains, the answers about names that nobody has added, and notices.
    /// Expects the service defaults, and the schema to be in place when the host starts.</summary>
    public static IHostApplicationBuilder AddDomainVerifier(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddBus();
        builder.AddTrackingDatabase();
        builder.AddDirectoryChanges();
        builder.AddDns();
        var services = builder.Services;
        builder.AddTrackingOptions<VerifierOptions>(VerifierOptions.Section);
        builder.AddTrackingOptions<NoticeOptions>(NoticeOptions.Section);
        services.AddSingleton<VerifierTelemetry>();
        services.AddSingleton<VerificationWalk>();
        services.AddSingleton<Diagnose>(provider => provider.GetRequiredService<VerificationWalk>().RunAsync);
        services.AddSingleton<Look>(provider => provider.GetRequiredService<VerificationWalk>().LookAsync);
        services.AddSingleton<FetchTransportSecurity>();
        services.AddSingleton<ReadTransportSecurity>(
            provider => provider.GetRequiredService<FetchTransportSecurity>().RunAsync);
        services.AddSingleton<AskParents>();
        services.AddSingleton<VisitName>();
        services.AddSingleton<VisitDomain>(provider => provider.GetRequiredService<VisitName>().RunAsync);
        services.AddSingleton<DomainsWaiting>();
        services.AddSingleton<NoticesWaiting>();
        services.AddSingleton<ClaimDomains>();
        services.AddSingleton<StoreCheck>();
        services.AddSingleton<VerifyLeasedDomain>();
        services.AddSingleton<AnswerNameCheck>();
        services.AddHostedService<RecheckDomains>();
        services.AddHostedService<MeasureBacklog>();
        services.AddHostedService<LookAtOwnZone>();
        services.AddSingleton<ClaimNotices>();
        services.AddSingleton<PublishNotice>();
        services.AddHostedService<SendNotices>();
        services.AddSingleton(new BusEndpoint(QueueNames.VerifyDomains, (context, queue) =>
        {
            // The message is only a call. The database has the names that are to be checked.
            var waiting = context.GetRequiredService<DomainsWaiting>();
            queue.Handler<VerifyDomain>(_ =>
            {
                waiting.Call();
                return Task.CompletedTask;
            });
        }));
        services.AddSingleton(new BusEndpoint(QueueNames.CheckNames, (context, queue) =>
        {
            var options = context.GetRequiredService<IOptions<VerifierOptions>>().Value;
            queue.ConcurrentMessageLimit = options.NameChecksAtOnce;
            queue.Handler<CheckName>(asked =>
                // Resolved late, because the service needs the bus that is being configured here.
                context.GetRequiredService<AnswerNameCheck>().RunAsync(
                    asked.Message, Utc(asked.SentTime), asked.CancellationToken));
        }));
        return builder;
    }

    private static DateTimeOffset? Utc(DateTime? sent) =>
        sent is { } at ? new DateTimeOffset(DateTime.SpecifyKind(at, DateTimeKind.Utc)) : null;

    /// <summary>Maps nothing: this service answers the bus only.</summary>
    public static WebApplication MapDomainVerifier(this WebApplication app) => app;
}

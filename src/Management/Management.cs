using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Tracking.Api;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Management.Audit;
using Tracking.Management.Auth;
using Tracking.Management.Clusters;
using Tracking.Management.Console;
using Tracking.Management.Destinations;
using Tracking.Management.Domains;
using Tracking.Management.Events;
using Tracking.Management.Imports;
using Tracking.Management.Keys;
using Tracking.Management.Lists;
using Tracking.Management.Messages;
using Tracking.Management.OpenApi;
using Tracking.Management.Preview;
using Tracking.Management.Requests;
using Tracking.Management.Statistics;
using Tracking.Management.Webhooks;
using Tracking.Management.Withdrawals;
using Tracking.ServiceDefaults.Settings;
using Tracking.Webhooks;

namespace Tracking.Management;

/// <summary>The REST API: clusters, tracking domains, keys, messages, events, statistics, webhooks, and its own
/// description; and the web console.</summary>
public static class ManagementComposition
{
    /// <summary>Adds the services of the API.</summary>
    public static IHostApplicationBuilder AddManagement(this IHostApplicationBuilder builder)
    {
        builder.AddBus();
        builder.AddTrackingDatabase();
        builder.AddSigningKeys();
        builder.AddApi();
        builder.AddDirectoryChanges();
        builder.AddTrackingOptions<ManagementOptions>(ManagementOptions.Section);
        builder.Services.TryAddSingleton<ApplyChange>();
        builder.Services.TryAddSingleton<LimitTenants>();
        builder.Services.TryAddSingleton<DescribeDomain>();
        builder.AddVerifierQuestions();
        AskRewriter.Add(builder);
        builder.AddTrackingOptions<WebhookOptions>(WebhookOptions.Section);
        builder.Services.TryAddSingleton<ReceiverAddress>();
        builder.Services.TryAddSingleton<PruneAuditLog>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<PruneAuditLog>());
        builder.Services.TryAddSingleton<SignReceipt>();
        builder.Services.TryAddSingleton<WithdrawConsent>();
        builder.Services.TryAddSingleton<StoreImportedLinks>();
        builder.Services.AddHostedService<FinishWithdrawals>();
        builder.Services.TryAddSingleton<ResealSigningKeys>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<ResealSigningKeys>());
        builder.Services.AddApiDescription();
        builder.AddConsole();
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            // Numbers are accepted and described as numbers only. By default texts are accepted too.
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            json.SerializerOptions.Converters.Add(
                new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false));
            json.SerializerOptions.Converters.Add(new Rfc3339Time());
        });
        return builder;
    }

    /// <summary>Maps the routes under <c>/api/v1</c>, <c>/openapi/v1.json</c>, and the console everywhere
    /// else.</summary>
    public static WebApplication MapManagement(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseSecurityHeaders();
        app.UseProblems();
        app.UseConsole();
        var api = app.MapGroup("/api/v1");
        api.AddEndpointFilter(LimitTenants.FilterAsync);

        var clusters = api.MapGroup("/clusters").WithTags("Clusters");
        CreateCluster.Map(clusters);
        ListClusters.Map(clusters);
        GetCluster.Map(clusters);
        ChangeCluster.Map(clusters);
        DeleteCluster.Map(clusters);

        var cluster = api.MapGroup($"/clusters/{{{RequireAccess.ClusterRouteValue}}}");
        ClusterApiKeys.Map(cluster.MapGroup("/api-keys").WithTags("API keys"));
        ListMessages.Map(cluster.MapGroup("/messages").WithTags("Messages"));
        GetMessage.Map(cluster.MapGroup("/messages").WithTags("Messages"));
        PreviewOverHttp.Map(cluster);
        ListEvents.Map(cluster.MapGroup("").WithTags("Events"));
        ExplainEvent.Map(cluster.MapGroup("/events").WithTags("Events"));
        GetStatistics.Map(cluster.MapGroup("").WithTags("Statistics"));
        RebuildStatistics.Map(cluster.MapGroup("").WithTags("Statistics"));

        var domains = cluster.MapGroup("/tracking-domains").WithTags("Tracking domains");
        AddTrackingDomain.Map(domains);
        ListTrackingDomains.Map(domains);
        GetTrackingDomain.Map(domains);
        ChangeTrackingDomain.Map(domains);
        DeleteTrackingDomain.Map(domains);
        SetDefaultDomain.Map(domains);
        VerifyTrackingDomain.Map(domains);
        ListChecks.Map(domains);
        GetCertificate.Map(domains);
        RetryCertificate.Map(domains);
        TestCertificate.Map(domains);
        RequestRevocation.Map(domains);
        StoreAppFile.Map(domains);
        CheckHostname.Map(api);
        ListAuditLog.Map(api);

        var webhooks = cluster.MapGroup("/webhooks").WithTags("Webhooks");
        CreateWebhook.Map(webhooks);
        ListWebhooks.Map(webhooks);
        ChangeWebhook.Map(webhooks);
        RotateWebhookSecret.Map(webhooks);
        TestWebhook.Map(webhooks);
        ListDeliveries.Map(webhooks);
        ReplayDeliveries.Map(webhooks);

        CreateWithdrawal.Map(cluster.MapGroup("/withdrawals").WithTags("Withdrawals"));
        ImportLinks.Map(cluster.MapGroup("/imported-links").WithTags("Imported links"));
        var repairs = cluster.MapGroup("/repairs").WithTags("Destinations");
        RepairDestination.Map(repairs);
        ListRepairs.Map(repairs);
        BlockDestination.Map(api.MapGroup("/blocked-destinations").WithTags("Destinations"));

        UpdateLists.Map(api.MapGroup("/lists").WithTags("Lists"));
        AdminApiKeys.Map(api.MapGroup("/api-keys").WithTags("API keys"));
        RotateSigningKeys.Map(api.MapGroup("/signing-keys").WithTags("Signing keys"));
        SealedByMasterKey.Map(api.MapGroup("/master-key").WithTags("Master key"));
        OwnHostCertificates.Map(api.MapGroup("/own-hosts").WithTags("Certificate authorities"));
        CertificateAccounts.Map(api.MapGroup("/certificate-accounts").WithTags("Certificate authorities"));

        app.MapApiDescription();
        app.MapConsole();
        return app;
    }
}

using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Tracking.Certificates;
using Tracking.DomainVerifier;
using Tracking.EventIngest;
using Tracking.Gateway;
using Tracking.Management;
using Tracking.Migrator;
using Tracking.Milter;
using Tracking.RedirectEdge;
using Tracking.Rewrite;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Settings;
using Tracking.SmtpFilter;
using Tracking.Standalone;

namespace Tracking.System.Tests.Deploy;

/// <summary>Composes a service with the variables of a manifest, and runs the check of settings of its start.</summary>
internal static class CheckEnvironment
{
    // Variables that a service reads in addition to its settings, and those that a manifest only uses to build other
    // values.
    private static readonly HashSet<string> _others =
    [
        "ConnectionStrings__tracking", "ConnectionStrings__rabbitmq", "ConnectionStrings__redis",
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_SERVICE_NAME",
        "ASPNETCORE_URLS", "ASPNETCORE_HTTP_PORTS", ReadSecretFiles.Variable, .. StandaloneSettings.Names,
    ];

    private static readonly Dictionary<string, Action<IHostApplicationBuilder>> _compositions = new()
    {
        ["Rewrite"] = builder => builder.AddRewrite(),
        ["SmtpFilter"] = builder =>
        {
            builder.AddSmtpFilter();
            builder.AddMilter();
        },
        ["RedirectEdge"] = builder => builder.AddRedirectEdge(),
        ["EventIngest"] = builder => builder.AddEventIngest(),
        ["DomainVerifier"] = builder => builder.AddDomainVerifier(),
        ["Certificates"] = builder => builder.AddCertificates(),
        ["Gateway"] = builder => builder.AddGateway(),
        ["Management"] = builder => builder.AddManagement(),
        ["Migrator"] = builder => builder.AddMigrator(),
        ["Standalone"] = builder =>
        {
            StandaloneHost.AddSettings(builder);
            builder.AddRewrite();
            builder.AddSmtpFilter();
            builder.AddMilter();
            builder.AddRedirectEdge();
            builder.AddEventIngest();
            builder.AddManagement();
        },
    };

    /// <summary>Fails with the error line with which the service would stop.</summary>
    /// <param name="project">The service's project.</param>
    /// <param name="variables">The variables, and the names of secret files.</param>
    public static void Check(string project, IReadOnlyDictionary<string, string> variables)
    {
        foreach (var name in variables.Keys.Where(name =>
            !name.StartsWith("Tracking__", StringComparison.Ordinal)
            && !name.StartsWith("services__", StringComparison.Ordinal)))
        {
            Assert.True(_others.Contains(name), $"{project} reads no {name}.");
        }

        var builder = WebApplication.CreateEmptyBuilder(new() { ApplicationName = $"Tracking.{project}" });
        builder.Configuration.AddInMemoryCollection(variables.Select(variable =>
            KeyValuePair.Create(variable.Key.Replace("__", ":", StringComparison.Ordinal), (string?)variable.Value)));
        if (project != "Migrator")
        {
            builder.AddServiceDefaults();
        }

        _compositions[project](builder);
        builder.CheckSettings();
    }
}

using System.Reflection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenTelemetry.Logs;
using OpenTelemetry.Resources;

namespace Tracking.ServiceDefaults;

/// <summary>
/// Traces, metrics and logs to OTLP, by OpenTelemetry's standard variables alone. Without
/// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, or with <c>OTEL_SDK_DISABLED=true</c>, nothing is built: no providers, no
/// listeners, no middleware. What is sent is listed in docs/telemetry.md.
/// </summary>
public static class Telemetry
{
    /// <summary>What the names of our own activity sources and meters match: <c>Tracking.RedirectEdge</c>.</summary>
    public const string OwnNames = "Tracking.*";

    /// <summary>Adds telemetry when an endpoint is configured.</summary>
    public static IHostApplicationBuilder AddTelemetry(this IHostApplicationBuilder builder)
    {
        if (!IsEnabled(builder.Configuration))
        {
            return builder;
        }

        builder.AddSettingsCheck();
        builder.Services.AddSingleton<IValidateOptions<SettingsCheck>, TelemetryVariables>();
        if (TelemetryVariables.Failures(builder.Configuration).Any())
        {
            // Refused at start with all the other settings; the exporter must not throw before that.
            return builder;
        }

        // Read once when the host is built: without it ASP.NET Core's server span carries no tags.
        AppContext.SetSwitch("Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData", false);
        var resource = new TelemetryResource(
            builder.Environment.ApplicationName,
            Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
                ?.InformationalVersion,
            Guid.CreateVersion7().ToString());
        builder.Services.AddSingleton(resource);
        builder.Services.AddHostedService<RunTelemetry>();
        builder.Services.AddSingleton<IStartupFilter, DescribeRequestSpans>();
        builder.Services.AddSingleton<IExternalScopeProvider>(new HideTokens.InScopes());
        builder.Logging.AddOpenTelemetry(options =>
        {
            options.IncludeScopes = true;
            options.IncludeFormattedMessage = true;
            options.SetResourceBuilder(resource.CreateBuilder());
            options.AddProcessor(new HideTokens.InLogs());
            options.AddOtlpExporter();
        });
        return builder;
    }

    internal static bool IsEnabled(IConfiguration configuration) =>
        !string.IsNullOrWhiteSpace(configuration[TelemetryVariables.Endpoint])
        && !string.Equals(configuration[TelemetryVariables.Disabled], "true", StringComparison.OrdinalIgnoreCase);
}

/// <summary>Who is sending, the same for all three signals.</summary>
/// <param name="Name">Service name unless <c>OTEL_SERVICE_NAME</c> or <c>OTEL_RESOURCE_ATTRIBUTES</c> has one.</param>
/// <param name="Version">Service version.</param>
/// <param name="InstanceId">Instance id, new for each process.</param>
internal sealed record TelemetryResource(string Name, string? Version, string InstanceId)
{
    /// <summary>Ours first: what comes later wins, and the variables are the operator's word.</summary>
    public ResourceBuilder CreateBuilder() => ResourceBuilder.CreateEmpty()
        .AddService(Name, serviceVersion: Version, serviceInstanceId: InstanceId)
        .AddTelemetrySdk()
        .AddEnvironmentVariableDetector();
}

using System.Diagnostics;
using System.Reflection;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpenTelemetry;
using OpenTelemetry.Context.Propagation;
using OpenTelemetry.Instrumentation.AspNetCore;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.ServiceDefaults.Telemetry;

/// <summary>
/// Traces, metrics and logs to OTLP, configured only by OpenTelemetry's standard variables. Without
/// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, or with <c>OTEL_SDK_DISABLED=true</c>, nothing is built: no providers, no
/// listeners, no middleware. docs/telemetry.md lists all instruments.
/// </summary>
public static class SendTelemetry
{
    /// <summary>The pattern of our own activity sources and meters, such as <c>Tracking.RedirectEdge</c>.</summary>
    public const string OwnNames = "Tracking.*";

    private const string MassTransit = "MassTransit";

    /// <summary>Adds telemetry if an endpoint is configured.</summary>
    public static IHostApplicationBuilder AddTelemetry(this IHostApplicationBuilder builder)
    {
        if (!IsEnabled(builder.Configuration))
        {
            return builder;
        }

        builder.AddSettingCheck(TelemetryVariables.Failures);
        if (TelemetryVariables.Failures(builder.Configuration).Any())
        {
            // The start refuses it together with all other settings. The exporter must not throw before that.
            return builder;
        }

        // .NET reads and writes trace ids by itself. The default propagator would read every request's headers a second
        // time.
        Sdk.SetDefaultTextMapPropagator(new TraceContextPropagator());
        var instance = Guid.CreateVersion7().ToString();
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => Describe(resource, builder.Environment.ApplicationName, instance))
            .WithTracing(traces => traces
                .AddAspNetCoreInstrumentation(Describe)
                .AddHttpClientInstrumentation()
                .AddNpgsql()
                .AddSource(MassTransit, OwnNames)
                .AddProcessor(new HideTokens.InSpans()))
            .WithMetrics(metrics => metrics
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation()
                .AddNpgsqlInstrumentation()
                .AddMeter(MassTransit, OwnNames))
            .WithLogging(
                logs => logs.AddProcessor(new HideTokens.InLogs()),
                options => (options.IncludeScopes, options.IncludeFormattedMessage) = (true, true))
            .UseOtlpExporter();
        builder.Services.AddSingleton<IExternalScopeProvider>(new HideTokens.InScopes());
        builder.Services.AddHostedService<FlushTelemetry>();
        return builder;
    }

    internal static bool IsEnabled(IConfiguration configuration) =>
        !string.IsNullOrWhiteSpace(configuration[TelemetryVariables.Endpoint])
        && !string.Equals(configuration[TelemetryVariables.Disabled], "true", StringComparison.OrdinalIgnoreCase);

    // Our values come first, because later ones win and the operator sets the variables.
    private static void Describe(ResourceBuilder resource, string name, string instance) => resource
        .Clear()
        .AddService(
            name,
            serviceVersion: Assembly.GetEntryAssembly()
                ?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion,
            serviceInstanceId: instance)
        .AddTelemetrySdk()
        .AddEnvironmentVariableDetector();

    private static void Describe(AspNetCoreTraceInstrumentationOptions options)
    {
        // The activities inside a health request (the database's ping) are left out with it.
        options.Filter = context =>
            context.Request.Path.Value?.StartsWith(HealthEndpoints.PathPrefix, StringComparison.OrdinalIgnoreCase)
                is not true;
        // A query may contain an address, a name or other personal data. The instrumentation redacts only the values.
        options.EnrichWithHttpRequest = (span, _) => span.SetTag("url.query", null);
        options.EnrichWithHttpResponse = NameException;
    }

    // Without this the span of an exception that was answered with a problem would only have the status.
    private static void NameException(Activity span, HttpResponse response)
    {
        if (response.StatusCode >= StatusCodes.Status500InternalServerError)
        {
            span.SetTag(
                "error.type",
                response.HttpContext.Features.Get<IExceptionHandlerFeature>()?.Error.GetType().FullName
                    ?? span.GetTagItem("error.type")
                    ?? $"{response.StatusCode}");
        }
    }
}

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
/// Traces, metrics and logs to OTLP, by OpenTelemetry's standard variables alone. Without
/// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, or with <c>OTEL_SDK_DISABLED=true</c>, nothing is built: no providers, no
/// listeners, no middleware. What is sent is listed in docs/telemetry.md.
/// </summary>
public static class SendTelemetry
{
    /// <summary>What the names of our own activity sources and meters match: <c>Tracking.RedirectEdge</c>.</summary>
    public const string OwnNames = "Tracking.*";

    private const string MassTransit = "MassTransit";

    /// <summary>Adds telemetry when an endpoint is configured.</summary>
    public static IHostApplicationBuilder AddTelemetry(this IHostApplicationBuilder builder)
    {
        if (!IsEnabled(builder.Configuration))
        {
            return builder;
        }

        builder.AddSettingCheck(TelemetryVariables.Failures);
        if (TelemetryVariables.Failures(builder.Configuration).Any())
        {
            // Refused at start with all the other settings; the exporter must not throw before that.
            return builder;
        }

        // .NET reads and writes trace ids by itself; the default would read every request's headers a second time.
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

    // Ours first: what comes later wins, and the variables are the operator's word.
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
        // What happens inside a health request (the database's ping) is left out with it.
        options.Filter = context =>
            context.Request.Path.Value?.StartsWith(HealthEndpoints.PathPrefix, StringComparison.OrdinalIgnoreCase)
                is not true;
        // A query may hold an address, a name or anything else; only values are redacted.
        options.EnrichWithHttpRequest = (span, _) => span.SetTag("url.query", null);
        options.EnrichWithHttpResponse = NameException;
    }

    // An exception that was answered with a problem is none to the instrumentation: it would give the status only.
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

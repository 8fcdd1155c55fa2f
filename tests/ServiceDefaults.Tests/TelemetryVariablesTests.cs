using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Telemetry;

namespace Tracking.ServiceDefaults.Tests;

public sealed class TelemetryVariablesTests
{
    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("http://127.0.0.1:4317", "true")]
    [InlineData("http://127.0.0.1:4317", "TRUE")]
    public void Without_endpoint_or_when_disabled_nothing_is_built(string? endpoint, string? disabled)
    {
        var settings = new Dictionary<string, string>();
        if (endpoint is not null)
        {
            settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint;
        }

        if (disabled is not null)
        {
            settings["OTEL_SDK_DISABLED"] = disabled;
        }

        var builder = TestHost.CreateBuilder(settings);

        Assert.DoesNotContain(builder.Services, service => IsTelemetry(service.ServiceType));
        Assert.DoesNotContain(builder.Services, service => IsTelemetry(service.ImplementationType));
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost", "takes an http or https URL")]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "takes grpc or http/protobuf")]
    [InlineData("OTEL_TRACES_SAMPLER", "sometimes", "takes one of always_on")]
    [InlineData("OTEL_TRACES_SAMPLER_ARG", "2", "takes a number from 0 to 1")]
    public async Task A_wrong_variable_stops_the_process_with_one_line(string name, string value, string expected)
    {
        var app = TestHost.CreateBuilder(new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:4317",
            [name] = value,
        }).Build();
        await using var _ = app;
        using var error = new StringWriter();

        var code = await StartUp.RunOrExplainAsync(() => app.StartAsync(), error);

        Assert.Equal(StartUp.ConfigurationError, code);
        Assert.StartsWith(
            $"{StartUp.LineStart}{name}: got \"{value}\", {expected}", error.ToString(), StringComparison.Ordinal);
    }

    private static bool IsTelemetry(Type? type) =>
        type == typeof(FlushTelemetry)
            || type?.Namespace?.StartsWith("OpenTelemetry", StringComparison.Ordinal) == true;

    [Fact]
    public void Frameworks_log_warnings_unless_the_operator_says_otherwise()
    {
        const string Key = "Logging:LogLevel:Microsoft.AspNetCore";
        var asked = TestHost.CreateBuilder(new Dictionary<string, string> { [Key] = "Debug" });

        Assert.Equal("Warning", TestHost.CreateBuilder().Configuration[Key]);
        Assert.Equal("Debug", asked.Configuration[Key]);
    }
}

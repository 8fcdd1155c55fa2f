using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Tracking.ServiceDefaults.Telemetry;

/// <summary>
/// OpenTelemetry's variables, checked at start: the library ignores wrong values silently, so an operator would not
/// learn of an error.
/// </summary>
internal static class TelemetryVariables
{
    public const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    public const string Protocol = "OTEL_EXPORTER_OTLP_PROTOCOL";
    public const string Disabled = "OTEL_SDK_DISABLED";
    public const string Sampler = "OTEL_TRACES_SAMPLER";
    public const string SamplerArgument = "OTEL_TRACES_SAMPLER_ARG";

    private static readonly string[] _protocols = ["grpc", "http/protobuf"];

    private static readonly string[] _samplers =
    [
        "always_on", "always_off", "traceidratio",
        "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
    ];

    /// <summary>One line for each wrong variable.</summary>
    public static IEnumerable<string> Failures(IConfiguration configuration)
    {
        if (configuration[Endpoint] is { Length: > 0 } endpoint
            && !(Uri.TryCreate(endpoint, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
        {
            yield return $"{Endpoint}: got \"{endpoint}\", takes an http or https URL such as http://localhost:4317";
        }

        if (configuration[Protocol] is { Length: > 0 } protocol && !_protocols.Contains(protocol))
        {
            yield return $"{Protocol}: got \"{protocol}\", takes {string.Join(" or ", _protocols)}";
        }

        if (configuration[Sampler] is { Length: > 0 } sampler && !_samplers.Contains(sampler))
        {
            yield return $"{Sampler}: got \"{sampler}\", takes one of {string.Join(", ", _samplers)}";
        }

        if (configuration[SamplerArgument] is { Length: > 0 } argument
            && !(double.TryParse(argument, NumberStyles.Float, CultureInfo.InvariantCulture, out var ratio)
                && ratio is >= 0 and <= 1))
        {
            yield return $"{SamplerArgument}: got \"{argument}\", takes a number from 0 to 1";
        }
    }
}

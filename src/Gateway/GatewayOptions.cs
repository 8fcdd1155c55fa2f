using System.ComponentModel.DataAnnotations;
using Tracking.Links;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Gateway;

/// <summary>The place of the edge to which a gateway sends recipients.</summary>
public enum EdgePlace
{
    /// <summary>In the gateway's own process: a proxied hop costs most of a request of this size.</summary>
    InProcess,

    /// <summary>In separate processes, <c>services__edge__http__0</c> and further.</summary>
    Proxied,
}

/// <summary>The gateway's settings: <c>Tracking__Gateway__…</c>.</summary>
public sealed class GatewayOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Gateway";

    /// <summary>The place of the edge. Default <see cref="EdgePlace.InProcess"/>, which needs the edge's settings
    /// too.</summary>
    public EdgePlace Edge { get; set; } = EdgePlace.InProcess;

    /// <summary>The host names of API, console and health. Every other name belongs to the edge. Default
    /// <c>localhost</c> and <c>127.0.0.1</c>.</summary>
    public IList<string> ApiHosts { get; } = [];

    /// <summary>Proxies in front of this gateway, such as a load balancer that ends TLS: addresses or CIDR ranges.
    /// Their <c>X-Forwarded-For</c> and <c>X-Forwarded-Proto</c> are trusted and passed on, also to an edge in this
    /// process. Default none: the connecting address is the client.</summary>
    public IList<string> TrustedProxies { get; } = [];

    /// <summary>The interval at which the addresses of the services' names are looked up, 1 s to 10 min, default 5 s: a
    /// new copy gets requests after this time, and a removed copy gets none.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan ResolveInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest time for the answer of a service behind the gateway, 1 s to 10 min, default 100 s: the
    /// proxy library's own default. The rewriting of the largest message over a slow line ends earlier.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan AnswerTimeout { get; set; } = TimeSpan.FromSeconds(100);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        ApiHosts.Where(host => !HostName.TryParse(host, out _)).Select(host => new ValidationResult(
            $"got \"{host}\", takes host names without scheme or port", [nameof(ApiHosts)]))
            .Concat(AddressRanges.Failures(nameof(TrustedProxies), TrustedProxies));
}

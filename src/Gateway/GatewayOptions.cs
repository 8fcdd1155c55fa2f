using System.ComponentModel.DataAnnotations;
using Tracking.Links;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Gateway;

/// <summary>Where the edge is that a gateway leads recipients to.</summary>
public enum EdgePlace
{
    /// <summary>In the gateway's own process: a proxied hop costs most of a request of this size.</summary>
    InProcess,

    /// <summary>In processes of their own, <c>services__edge__http__0</c> and further.</summary>
    Proxied,
}

/// <summary>The gateway's settings: <c>Tracking__Gateway__…</c>.</summary>
public sealed class GatewayOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Gateway";

    /// <summary>Where the edge is. Default <see cref="EdgePlace.InProcess"/>, which needs the edge's settings
    /// too.</summary>
    public EdgePlace Edge { get; set; } = EdgePlace.InProcess;

    /// <summary>The host names under which API, console and health are answered; every other name is the edge's.
    /// Default <c>localhost</c> and <c>127.0.0.1</c>.</summary>
    public IList<string> ApiHosts { get; } = [];

    /// <summary>Proxies in front of this gateway, addresses or CIDR ranges: what ends TLS, a load balancer. Their
    /// <c>X-Forwarded-For</c> and <c>X-Forwarded-Proto</c> are believed and carried on, for an edge in this process too.
    /// Default none: the client is whoever connects.</summary>
    public IList<string> TrustedProxies { get; } = [];

    /// <summary>How often the addresses of the services' names are looked up, 1 s to 10 min, default 5 s: a copy that
    /// was added has its share so soon, and one that has gone is asked in vain no longer.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan ResolveInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest time that a service behind may take to answer, 1 s to 10 min, default 100 s: a rewrite of the
    /// largest message on a slow line ends earlier, and it is the proxy library's own.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan AnswerTimeout { get; set; } = TimeSpan.FromSeconds(100);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        ApiHosts.Where(host => !HostName.TryParse(host, out _)).Select(host => new ValidationResult(
            $"got \"{host}\", takes host names without scheme or port", [nameof(ApiHosts)]))
            .Concat(AddressRanges.Failures(nameof(TrustedProxies), TrustedProxies));
}

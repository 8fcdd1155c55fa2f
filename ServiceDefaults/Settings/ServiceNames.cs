using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Tracking.ServiceDefaults.Settings;

/// <summary>
/// The names by which services find each other: <c>services__NAME__http__0</c>. .NET Aspire sets these variables, and
/// every other deployment can set them too.
/// </summary>
public static class ServiceNames
{
    /// <summary>The service with the HTTP endpoint for rewriting.</summary>
    public const string Rewrite = "rewrite";

    /// <summary>Edges in separate processes.</summary>
    public const string Edge = "edge";

    /// <summary>API and console.</summary>
    public const string Management = "management";

    /// <summary>The service that answers a certificate authority's challenges.</summary>
    public const string Certificates = "certificates";

    /// <summary>The addresses of every copy of a service.</summary>
    /// <exception cref="OptionsValidationException">An address is not an absolute HTTP address.</exception>
    public static IReadOnlyList<Uri> Addresses(IConfiguration configuration, string service) =>
        [.. configuration.GetSection($"services:{service}:http").GetChildren()
            .OrderBy(child => child.Key.Length).ThenBy(child => child.Key, StringComparer.Ordinal)
            .Select(child => Uri.TryCreate(child.Value, UriKind.Absolute, out var address)
                && address.Scheme is "http" or "https"
                    ? address
                    : throw new OptionsValidationException(service, typeof(Uri),
                        [$"services__{service}__http__{child.Key}: got \"{child.Value}\", takes http://host:port"]))];
}

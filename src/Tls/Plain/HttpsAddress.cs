using System.Globalization;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Tracking.Tls.Plain;

/// <summary>The port on which visitors reach this process over https.</summary>
internal sealed class HttpsAddress(IServer server, IOptions<TlsOptions> options)
{
    private const int Standard = 443;

    private readonly Lazy<int?> _listened = new(() => server.Features.Get<IServerAddressesFeature>()?.Addresses
        .Where(address => address.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
        .Select(address => BindingAddress.Parse(address).Port)
        .Cast<int?>()
        .FirstOrDefault());

    /// <summary>Whether this process serves https.</summary>
    public bool IsServed => _listened.Value is not null;

    /// <summary>The port in a redirect, with its colon; empty for 443. A visitor who names a port reaches this
    /// process's ports as they are, any other through something that maps the standard ones.</summary>
    public string PortFor(HostString asked) =>
        (options.Value.PublicPort ?? (asked.Port is null ? Standard : _listened.Value)) is { } port and not Standard
            ? string.Create(CultureInfo.InvariantCulture, $":{port}")
            : "";
}

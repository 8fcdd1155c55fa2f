using System.Net;
using Microsoft.Extensions.Options;
using Tracking.Dns;
using Tracking.Links;

namespace Tracking.Webhooks;

/// <summary>
/// Decides where webhooks may be sent. A URL is checked when it is set. The addresses of its name are checked before
/// each connection, because the owner of the name can change them at any time.
/// </summary>
public sealed class ReceiverAddress(IOptions<WebhookOptions> options, TimeProvider time)
{
    /// <summary>The most characters of a URL. All browsers and servers should accept this length (RFC 9110,
    /// 4.1).</summary>
    public const int MaxLength = 2000;

    private readonly WebhookOptions _options = options.Value;

    private readonly AddressGuard _guard = new(
        Options.Create(new DnsOptions { AllowPrivateAddresses = options.Value.AllowPrivateAddresses }), time);

    /// <summary>Whether an address may be connected to.</summary>
    public bool Allows(IPAddress address) => _guard.Allows(address);

    /// <summary>The fault of a URL, in words that follow the setting's name; <see langword="null"/> without a
    /// fault.</summary>
    /// <param name="text">The text to check.</param>
    /// <param name="url">The URL in canonical form, in which a host that is written as a number is an address.</param>
    public string? Refuse(string text, out Uri? url)
    {
        url = null;
        if (text.Length > MaxLength || !Uri.TryCreate(text, UriKind.Absolute, out var read)
            || read.Scheme is not ("https" or "http"))
        {
            return $"takes an address like https://example.com/hooks, up to {MaxLength} characters.";
        }

        if (read.Scheme == "http" && !_options.AllowHttp)
        {
            return "takes https:// only; http:// is not allowed here (Tracking__Webhooks__AllowHttp).";
        }

        if (read.UserInfo.Length > 0 || read.Fragment.Length > 0)
        {
            return "takes an address without user name, password and fragment: requests are signed instead.";
        }

        if (!_options.IsPortAllowed(read.Port))
        {
            return $"names port {read.Port}, takes {_options.DescribePorts()} (Tracking__Webhooks__Ports).";
        }

        if (RefuseHost(read) is { } wrong)
        {
            return wrong;
        }

        url = read;
        return null;
    }

    private string? RefuseHost(Uri url)
    {
        if (IPAddress.TryParse(url.Host.Trim('[', ']'), out var address))
        {
            return Allows(address) ? null : NotPublic(url.Host);
        }

        if (!HostName.TryParse(url.IdnHost, out var name))
        {
            return $"names the host '{url.Host}', which is no host name.";
        }

        // Names of this machine (RFC 6761). Other names are looked up when they are needed.
        var isLocal = name.Value == "localhost" || name.Value.EndsWith(".localhost", StringComparison.Ordinal);
        return isLocal && !_options.AllowPrivateAddresses ? NotPublic(name.Value) : null;
    }

    private static string NotPublic(string host) =>
        $"names '{host}', which is not an address of the public internet (Tracking__Webhooks__AllowPrivateAddresses).";
}

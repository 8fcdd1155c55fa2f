using System.Net;
using Microsoft.Extensions.Options;
using Tracking.Dns;
using Tracking.Links;

namespace Tracking.Webhooks;

/// <summary>
/// Where a webhook may go. What a URL says is looked at when it is given; the addresses behind its name, which its
/// owner can change at any moment, each time before we connect.
/// </summary>
public sealed class ReceiverAddress(IOptions<WebhookOptions> options, TimeProvider time)
{
    /// <summary>Characters of a URL; what browsers and servers take at least (RFC 9110, 4.1).</summary>
    public const int MaxLength = 2000;

    private readonly WebhookOptions _options = options.Value;

    private readonly AddressGuard _guard = new(
        Options.Create(new DnsOptions { AllowPrivateAddresses = options.Value.AllowPrivateAddresses }), time);

    /// <summary>Whether an address may be connected to.</summary>
    public bool Allows(IPAddress address) => _guard.Allows(address);

    /// <summary>What is wrong with a URL, in words that follow its name; <see langword="null"/> when nothing
    /// is.</summary>
    /// <param name="text">What was given.</param>
    /// <param name="url">The URL in its one form: a host written as a number is an address there.</param>
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

        // Names that never leave the machine (RFC 6761); others are looked up when they are needed.
        var isLocal = name.Value == "localhost" || name.Value.EndsWith(".localhost", StringComparison.Ordinal);
        return isLocal && !_options.AllowPrivateAddresses ? NotPublic(name.Value) : null;
    }

    private static string NotPublic(string host) =>
        $"names '{host}', which is not an address of the public internet (Tracking__Webhooks__AllowPrivateAddresses).";
}

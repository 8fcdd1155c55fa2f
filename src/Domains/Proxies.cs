using System.Net;

namespace Tracking.Domains;

/// <summary>Recognises the proxy of a provider by its addresses.</summary>
public static class Proxies
{
    private static readonly IPNetwork[] _cloudflare = Read();

    /// <summary>Whether there are addresses and all of them are Cloudflare's.</summary>
    public static bool AreCloudflare(IReadOnlyCollection<IPAddress> addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        return addresses.Count > 0
            && addresses.All(address => Array.Exists(_cloudflare, range => range.Contains(address)));
    }

    private static IPNetwork[] Read()
    {
        using var stream = typeof(Proxies).Assembly.GetManifestResourceStream("CloudflareRanges.txt")!;
        using var reader = new StreamReader(stream);
        return
        [
            .. reader.ReadToEnd().Split('\n')
                .Where(line => line.Length > 0 && line[0] != '#')
                .Select(line => IPNetwork.Parse(line.Trim())),
        ];
    }
}

using Tracking.Dns;

namespace Tracking.DomainVerifier.Verification;

/// <summary>A company that runs name servers for its customers.</summary>
/// <param name="Name">The name that its customers know.</param>
/// <param name="EndsValueWithDot">Whether its form appends the zone to a value without a final dot.</param>
internal sealed record DnsProvider(string Name, bool EndsValueWithDot = false)
{
    // The endings of name servers' names, from the providers' documentation and from zones that they serve. Each ending
    // begins with a dot, so that notcloudflare.com does not match.
    private static readonly (string Ending, DnsProvider Provider)[] _known =
    [
        (".ns.cloudflare.com", new("Cloudflare")),
        (".domaincontrol.com", new("GoDaddy")),
        (".ui-dns.com", new("IONOS")),
        (".ui-dns.de", new("IONOS")),
        (".ui-dns.org", new("IONOS")),
        (".ui-dns.biz", new("IONOS")),
        (".ns.hetzner.com", new("Hetzner", EndsValueWithDot: true)),
        (".ns.hetzner.de", new("Hetzner", EndsValueWithDot: true)),
        (".first-ns.de", new("Hetzner", EndsValueWithDot: true)),
        (".second-ns.de", new("Hetzner", EndsValueWithDot: true)),
        (".second-ns.com", new("Hetzner", EndsValueWithDot: true)),
        (".ovh.net", new("OVHcloud", EndsValueWithDot: true)),
        (".ovh.ca", new("OVHcloud", EndsValueWithDot: true)),
        (".anycast.me", new("OVHcloud", EndsValueWithDot: true)),
        (".registrar-servers.com", new("Namecheap")),
        (".namecheaphosting.com", new("Namecheap")),
        (".googledomains.com", new("Google Cloud DNS or Squarespace")),
        (".squarespacedns.com", new("Squarespace")),
        (".azure-dns.com", new("Azure DNS")),
        (".azure-dns.net", new("Azure DNS")),
        (".azure-dns.org", new("Azure DNS")),
        (".azure-dns.info", new("Azure DNS")),
        (".digitalocean.com", new("DigitalOcean")),
        (".ns.porkbun.com", new("Porkbun")),
        (".porkbun.com", new("Porkbun")),
        (".rzone.de", new("Strato")),
        (".stratoserver.net", new("Strato")),
        (".gandi.net", new("Gandi", EndsValueWithDot: true)),
        (".dnsimple.com", new("DNSimple")),
        (".nsone.net", new("NS1")),
        (".vercel-dns.com", new("Vercel")),
        (".wixdns.net", new("Wix")),
        (".netcup.net", new("netcup")),
        (".inwx.de", new("INWX")),
        (".your-server.de", new("Hetzner", EndsValueWithDot: true)),
        (".linode.com", new("Linode")),
        (".dnsmadeeasy.com", new("DNS Made Easy")),
        (".name.com", new("Name.com")),
        (".hostinger.com", new("Hostinger")),
        (".dns-parking.com", new("Hostinger")),
    ];

    /// <summary>The provider of a zone, by the first known name among its name servers.</summary>
    public static DnsProvider? Of(IEnumerable<DnsName> servers)
    {
        foreach (var server in servers)
        {
            // Route 53: ns-2048.awsdns-64.net and the like, under four top-level domains.
            if (server.Text.Contains(".awsdns-", StringComparison.Ordinal))
            {
                return new DnsProvider("Amazon Route 53");
            }

            if (Array.Find(_known, known => server.Text.EndsWith(known.Ending, StringComparison.Ordinal)).Provider
                is { } provider)
            {
                return provider;
            }
        }

        return null;
    }
}

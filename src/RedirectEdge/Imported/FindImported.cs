using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Links;
using Tracking.RedirectEdge.Destinations;
using Tracking.RedirectEdge.Hosts;

namespace Tracking.RedirectEdge.Imported;

/// <summary>What a path of another system means here; the token is set when it means something.</summary>
internal readonly record struct FoundImported(LookupOutcome Outcome, LinkToken? Token);

/// <summary>
/// Reads a path of another system as what its token would be, had we sent the mail. From there on it is served as every
/// other token: the same destinations, rules and privacy.
/// </summary>
internal sealed class FindImported(TrackingHosts tracking, ImportedLinks links, IOptions<SystemOptions> options)
{
    private readonly string _systemHost = HostDirectory.SystemHost(options.Value);

    /// <summary>Whether a host may have imported links: <see langword="false"/> is certain, and never waits.</summary>
    /// <param name="host">The <c>Host</c> header as received.</param>
    public bool MayHave(ReadOnlySpan<char> host)
    {
        var name = HostDirectory.Fold(host);
        return !name.IsEmpty
            && !name.Equals(_systemHost, StringComparison.OrdinalIgnoreCase)
            && (!tracking.TryGet(name, out var known) || Has(known));
    }

    /// <summary>Looks for a path. Does not throw when the database is unavailable or slow.</summary>
    /// <param name="host">The <c>Host</c> header as received.</param>
    /// <param name="path">The path as received.</param>
    /// <param name="query">The query with its question mark, or empty.</param>
    public async ValueTask<FoundImported> RunAsync(string host, string path, string query)
    {
        var found = await tracking.FindAsync(HostDirectory.Fold(host).ToString(), isAnybodys: true);
        if (found.Outcome == HostLookup.Unavailable)
        {
            return new FoundImported(LookupOutcome.Unavailable, null);
        }

        if (found.Host is not { } domain || !Has(domain))
        {
            return new FoundImported(LookupOutcome.NotFound, null);
        }

        var looked = await FindAsync(domain, path);
        if (looked.Outcome == LookupOutcome.NotFound && WithoutTail(path) is { } shorter)
        {
            looked = await FindAsync(domain, shorter);
        }

        if (looked.Link?.NeedsQuery == true)
        {
            looked = query.Length > 1
                ? await FindAsync(domain, path + query)
                : new LookedUpImported(LookupOutcome.NotFound, null);
        }

        return new FoundImported(
            looked.Outcome, looked.Link is { NeedsQuery: false } link ? Token(domain, link) : null);
    }

    private static bool Has(TrackingHost? host) =>
        host is { Status: DomainStatus.Active, HasImportedLinks: true };

    // As with own tokens: mail programs take full stops and brackets into links.
    private static string? WithoutTail(string path) =>
        ServeEdge.WithoutTail(path) is var shorter && shorter.Length > 1 && shorter.Length < path.Length
            ? shorter.ToString()
            : null;

    private static LinkToken Token(TrackingHost domain, ImportedLink link) => new(
        domain.Cluster,
        link.Message,
        link.Link,
        0,
        link.Kind,
        (int)TrackingLevels.Strictest(domain.TrackingLevel, link.Level));

    private Task<LookedUpImported> FindAsync(TrackingHost domain, string path) => links.FindAsync(
        new ImportedPath(domain.Cluster, domain.Hostname, path));
}

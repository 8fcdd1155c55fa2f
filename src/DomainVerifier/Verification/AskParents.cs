using System.Globalization;
using Microsoft.Extensions.Options;
using Tracking.Domains;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Reads the header <c>Strict-Transport-Security</c> of <c>https://</c> a name.</summary>
/// <param name="name">The name.</param>
/// <param name="cancellationToken">Ends it with an exception.</param>
/// <returns><see langword="null"/> without the header, or without an answer under a certificate that browsers
/// accept.</returns>
internal delegate Task<string?> ReadTransportSecurity(HostName name, CancellationToken cancellationToken);

/// <summary>
/// Finds out whether browsers open a name only by https: a parent's header may demand this for all names below it (RFC
/// 6797 6.1.2), or the top-level domain may be on the browsers' list. Then http links on the name fail for everybody
/// who has visited the parent's site.
/// </summary>
internal sealed class AskParents(ReadTransportSecurity read, IOptions<VerifierOptions> options, TimeProvider time)
{
    // Public authorities sign names of at most ten labels.
    private const int MostParents = 8;

    /// <summary>Asks all parents at the same time.</summary>
    /// <param name="host">The name.</param>
    /// <param name="hasHttpLinks">Whether links on the name that begin with http may be in mail. A parent that forces
    /// https breaks them while the name has no certificate.</param>
    /// <param name="cancellationToken">Ends it with an exception.</param>
    /// <returns>The finding; <see langword="null"/> if nothing forces https, or no parent answered.</returns>
    public async Task<DomainFinding?> RunAsync(
        HostName host, bool hasHttpLinks, CancellationToken cancellationToken)
    {
        if (PreloadedSuffix.Of(host) is { } topLevel)
        {
            return Finding(
                $"every name under .{topLevel}", $".{topLevel} on the list of browsers (HSTS preload)", hasHttpLinks);
        }

        if (options.Value.ParentTimeout == TimeSpan.Zero)
        {
            return null;
        }

        var parents = Parents(host);
        var headers = await Task.WhenAll(parents.Select(parent => ReadAsync(parent, cancellationToken)));
        for (var i = 0; i < parents.Count; i++)
        {
            if (IncludesSubdomains(headers[i]))
            {
                return Finding(
                    $"every name under {parents[i]}", $"https://{parents[i]} Strict-Transport-Security: {headers[i]}",
                    hasHttpLinks);
            }
        }

        return null;
    }

    /// <summary>The parents of a name down to its registrable domain, the nearest first.</summary>
    internal static IReadOnlyList<HostName> Parents(HostName host)
    {
        var last = PublicSuffix.RegistrableDomain(host).Length;
        var parents = new List<HostName>();
        for (var name = host.Value; last > 0 && name.Length > last && parents.Count < MostParents;)
        {
            name = name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];
            if (HostName.TryParse(name, out var parent))
            {
                parents.Add(parent);
            }
        }

        return parents;
    }

    /// <summary>Whether a header is valid for names below (RFC 6797 6.1): it has a positive <c>max-age</c> and
    /// <c>includeSubDomains</c>.</summary>
    internal static bool IncludesSubdomains(string? header)
    {
        var (isLasting, includes) = (false, false);
        foreach (var directive in (header ?? "").Split(';', StringSplitOptions.TrimEntries))
        {
            var parts = directive.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts[0].Equals("includeSubDomains", StringComparison.OrdinalIgnoreCase))
            {
                includes = true;
            }
            else if (parts is [var name, var age] && name.Equals("max-age", StringComparison.OrdinalIgnoreCase))
            {
                isLasting = decimal.TryParse(
                    age.Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds > 0;
            }
        }

        return isLasting && includes;
    }

    private async Task<string?> ReadAsync(HostName parent, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.Value.ParentTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await read(parent, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private DomainFinding Finding(string whom, string seen, bool hasHttpLinks) => new()
    {
        Code = FindingCode.HttpsForcedByParent,
        Severity = hasHttpLinks ? FindingSeverity.Warning : FindingSeverity.Info,
        Text = $"Browsers open {whom} by https alone. Links on this name are made when it has a certificate, and not "
            + "before."
            + (hasHttpLinks
                ? " Links in mail that was sent while its https was optional begin with http, and work when it has a "
                    + "certificate."
                : ""),
        Seen = seen.Length > 300 ? seen[..300] : seen,
        At = time.GetUtcNow(),
    };
}

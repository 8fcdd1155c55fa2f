using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Links;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>A tracking host that is not used.</summary>
/// <param name="Host">The host as the sender wrote it.</param>
/// <param name="Why">Why the host is not used.</param>
public sealed record IgnoredHost(string Host, HostIgnored Why);

/// <summary>The host of a message's links.</summary>
/// <param name="Origin">The beginning of the links.</param>
/// <param name="Domain">The cluster's tracking domain; <see langword="null"/> for the system host.</param>
public sealed record ChosenHost(TrackingOrigin Origin, TrackingHost? Domain)
{
    /// <summary>Whether the system host has lost its certificate. Nothing is tracked then, because links on it would be
    /// dead.</summary>
    public bool IsLost { get; init; }

    /// <summary>The requested host, when another host is used.</summary>
    public IgnoredHost? Ignored { get; init; }

    /// <summary>The cluster's default domain, when it should be used but cannot.</summary>
    public IgnoredHost? IgnoredDefault { get; init; }
}

/// <summary>
/// Chooses the host of a message's links. The request's host comes first, then the message's: it is used if it is the
/// system host, or a tracking domain of the cluster that accepts new links. Next comes the cluster's default domain, if
/// it accepts new links. Last comes the system host. Links are https if the name has a certificate. A name without a
/// certificate accepts new links only if https is optional. A system host that has lost its certificate leaves links as
/// they are.
/// </summary>
public sealed class ChooseHost(
    TrackingHosts hosts, IOptions<SystemOptions> system, TimeProvider time, SystemHostCertificate? certificate = null)
{
    private readonly ChosenHost _usable = OfSystem(system.Value);
    private readonly ChosenHost _lost = OfSystem(system.Value) with { IsLost = true };

    // Made once per version of a domain instead of once per message: without a certificate, and with one.
    private readonly ConditionalWeakTable<TrackingHost, ChosenHost> _http = [];
    private readonly ConditionalWeakTable<TrackingHost, ChosenHost> _https = [];

    /// <summary>The system host.</summary>
    public ChosenHost System => certificate?.IsLost == true ? _lost : _usable;

    /// <summary>Chooses.</summary>
    /// <param name="cluster">The message's cluster.</param>
    /// <param name="request">The metadata of the request.</param>
    /// <param name="message">The message's own control headers.</param>
    /// <returns><see langword="null"/> when the requested host is not in memory and the database does not
    /// answer.</returns>
    public ValueTask<ChosenHost?> ForAsync(
        DirectoryCluster cluster, MessageMetadata request, MessageMetadata message)
    {
        if ((request.Host ?? message.Host) is not { Length: > 0 } asked)
        {
            return new(Default(cluster));
        }

        if (!HostName.TryParse(asked, out var host))
        {
            return new(Default(cluster) with { Ignored = new IgnoredHost(asked, HostIgnored.NotOfCluster) });
        }

        if (host == System.Origin.Host)
        {
            return new(System);
        }

        return hosts.TryGet(host.Value, out var known)
            ? new(Of(cluster, asked, known))
            : FindAsync(cluster, asked, host);
    }

    private async ValueTask<ChosenHost?> FindAsync(DirectoryCluster cluster, string asked, HostName host)
    {
        // The sender has an API key, and a message costs more than a look-up, so the look-up needs no protection.
        var found = await hosts.FindAsync(host.Value, isAnybodys: false);
        return found.Outcome == HostLookup.Unavailable ? null : Of(cluster, asked, found.Host);
    }

    private ChosenHost Of(DirectoryCluster cluster, string asked, TrackingHost? known)
    {
        if (known?.Of(cluster.Id) is not { } domain)
        {
            return Default(cluster) with { Ignored = new IgnoredHost(asked, HostIgnored.NotOfCluster) };
        }

        return WhyNot(domain) is { } why
            ? Default(cluster) with { Ignored = new IgnoredHost(asked, why) }
            : Chosen(domain);
    }

    private ChosenHost Default(DirectoryCluster cluster) =>
        cluster.DefaultDomain is not { } domain ? System
        : WhyNot(domain) is { } why ? System with { IgnoredDefault = new IgnoredHost(domain.Hostname, why) }
        : Chosen(domain);

    private HostIgnored? WhyNot(TrackingHost domain) =>
        domain.AcceptsNewLinks(time.GetUtcNow(), system.Value.TlsEndsInFront) switch
        {
            NewLinks.Pending => HostIgnored.Pending,
            NewLinks.Retired => HostIgnored.Retired,
            NewLinks.NoCertificate => HostIgnored.NoCertificate,
            _ => null,
        };

    private ChosenHost Chosen(TrackingHost domain) =>
        system.Value.TlsEndsInFront || domain.HasCertificate(time.GetUtcNow())
            ? _https.GetValue(domain, static domain => OfDomain(domain, isHttps: true))
            : _http.GetValue(domain, static domain => OfDomain(domain, isHttps: false));

    private static ChosenHost OfDomain(TrackingHost domain, bool isHttps) =>
        HostName.TryParse(domain.Hostname, out var host)
            ? new ChosenHost(new TrackingOrigin(isHttps, host), domain)
            : throw new InvalidOperationException($"\"{domain.Hostname}\" is in the database as a tracking domain.");

    private static ChosenHost OfSystem(SystemOptions system)
    {
        var isHttps = system.SystemScheme == "https";
        var port = system.SystemPort == (isHttps ? 443 : 80) ? null : system.SystemPort;
        return HostName.TryParse(system.SystemHost, out var host)
            ? new ChosenHost(new TrackingOrigin(isHttps, host, port), Domain: null)
            : throw new OptionsValidationException(
                nameof(SystemOptions),
                typeof(SystemOptions),
                [$"Tracking__SystemHost: got \"{system.SystemHost}\", takes a host name without scheme or port"]);
    }
}

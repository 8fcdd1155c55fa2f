using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Database.Hosts;
using Tracking.Links;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// The settings in force for one message. An opt-out always wins, from whichever level it comes, including the tracking
/// domain. Otherwise the request wins over the message's headers, and these win over the cluster. Headers of other
/// systems only restrict.
/// </summary>
public sealed class EffectiveSettings(
    SigningKeyRing keys, IOptions<RewriteOptions> options, IOptions<SystemOptions> system)
{
    // Made once per version of a cluster's settings and of a domain, instead of once per message.
    private readonly ConditionalWeakTable<ClusterSettings, HostSet> _excluded = [];
    private readonly ConditionalWeakTable<ClusterSettings, HostSet> _systemLinks = [];
    private readonly ConditionalWeakTable<TrackingHost, ExcludedBoth> _excludedBoth = [];
    private readonly ConditionalWeakTable<TrackingHost, HostSet> _hostsWithDefault = [];
    private readonly HostSet _systemHosts = HostSet.Of(system.Value.SystemHost);

    /// <summary>The settings in force.</summary>
    /// <param name="cluster">The message's cluster.</param>
    /// <param name="request">The metadata of the request.</param>
    /// <param name="message">The message's own control headers.</param>
    /// <param name="host">The host of the links. A tracking domain may restrict tracking, but never extend it.</param>
    public RewriteRequest For(
        DirectoryCluster cluster, MessageMetadata request, MessageMetadata message, ChosenHost host)
    {
        var settings = cluster.Settings;
        var domain = host.Domain;
        var level = Level(cluster, request, message, domain);
        var isOff = level == TrackingLevel.Off;
        return new RewriteRequest
        {
            Level = level,
            Origin = host.IsLost ? null : host.Origin,
            TrackClicks = isOff || domain?.TracksClicks == false
                ? ClickTracking.None
                : Clicks(settings, request, message),
            TrackOpens = !isOff && domain?.TracksOpens != false && Opens(settings, request, message),
            HtmlOnly = settings.HtmlOnly,
            TrackImages = settings.TrackImages,
            TrackSigned = settings.TrackSigned,
            LinkStyle = settings.LinkStyle,
            KeepUrlText = settings.KeepUrlText,
            PixelPosition = settings.PixelPosition,
            HttpsLinksMayUseHttp = options.Value.AllowHttpForHttpsLinks || IsLoopback(host.Origin.Host),
            ExcludedDomains = Excluded(settings, domain),
            SystemLinks = _systemLinks.GetValue(settings, static settings => HostSet.Of(settings.SystemLinks)),
            TrackingHosts = cluster.DefaultDomain is { } usual ? WithDefault(usual) : _systemHosts,
            Keys = keys.Current,
            Utm = Utm(request.Utm, message.Utm, domain?.Utm, settings.Utm),
            RemovesOtherHeaders = options.Value.HeadersOfOtherSystems,
            IgnoredHeaders = message.IgnoredHeaders,
        };
    }

    /// <summary>Reads a message's own headers about its tracking.</summary>
    public MessageMetadata Own(MessageHeader message) =>
        ReadControlHeaders.From(message, options.Value.HeadersOfOtherSystems);

    /// <summary>Whether nothing is tracked, whichever host is chosen.</summary>
    public static bool IsOff(DirectoryCluster cluster, MessageMetadata request, MessageMetadata message) =>
        Level(cluster, request, message) == TrackingLevel.Off
        || (Clicks(cluster.Settings, request, message) == ClickTracking.None
            && !Opens(cluster.Settings, request, message));

    /// <summary>The level in force: the most restrictive of all given levels.</summary>
    public static TrackingLevel Level(
        DirectoryCluster cluster, MessageMetadata request, MessageMetadata message, TrackingHost? domain = null) =>
        new[]
        {
            cluster.Settings.TrackingLevel,
            request.Level ?? TrackingLevel.Full,
            message.Level ?? TrackingLevel.Full,
            domain?.TrackingLevel ?? TrackingLevel.Full,
        }.Aggregate(TrackingLevels.Strictest);

    private static ClickTracking Clicks(ClusterSettings settings, MessageMetadata request, MessageMetadata message)
    {
        if (message.SkipsTracking || request.Clicks == ClickTracking.None || message.Clicks == ClickTracking.None)
        {
            return ClickTracking.None;
        }

        var clicks = request.Clicks
            ?? message.Clicks
            ?? (settings.TrackClicks ? ClickTracking.Both : ClickTracking.None);
        return clicks & message.ClicksAllowed;
    }

    private static bool Opens(ClusterSettings settings, MessageMetadata request, MessageMetadata message) =>
        !message.SkipsTracking && request.Opens != false && message.Opens != false
            && message.OpensAllowed
            && (request.Opens ?? message.Opens ?? settings.TrackOpens);

    // Each parameter is the first that one of them gives. Stored texts were checked when they were stored.
    private static UtmParameters? Utm(
        UtmParameters? request, UtmParameters? message, string? domain, string? cluster)
    {
        UtmParameters? utm = null;
        foreach (var level in (ReadOnlySpan<UtmParameters?>)[Stored(cluster), Stored(domain), message, request])
        {
            utm = level?.Over(utm) ?? utm;
        }

        return utm;
    }

    private static UtmParameters? Stored(string? text) =>
        string.IsNullOrEmpty(text) ? null : UtmParameters.TryParse(text);

    // W3C Secure Contexts 3.1: hosts under localhost are as trustworthy as https, because they never leave the machine.
    private static bool IsLoopback(HostName host) =>
        host.Value == "localhost" || host.Value.EndsWith(".localhost", StringComparison.Ordinal);

    private HostSet WithDefault(TrackingHost usual) =>
        _hostsWithDefault.TryGetValue(usual, out var hosts)
            ? hosts
            : _hostsWithDefault.GetValue(usual, usual => HostSet.Of(system.Value.SystemHost, usual.Hostname));

    private HostSet Excluded(ClusterSettings settings, TrackingHost? domain)
    {
        if (domain is null || domain.ExcludedDomains.Length == 0)
        {
            return _excluded.GetValue(settings, static settings => HostSet.Of(settings.ExcludedDomains));
        }

        if (_excludedBoth.TryGetValue(domain, out var both) && ReferenceEquals(both.Settings, settings))
        {
            return both.Hosts;
        }

        both = new ExcludedBoth(settings, HostSet.Of([.. settings.ExcludedDomains, .. domain.ExcludedDomains]));
        _excludedBoth.AddOrUpdate(domain, both);
        return both.Hosts;
    }

    private sealed record ExcludedBoth(ClusterSettings Settings, HostSet Hosts);
}

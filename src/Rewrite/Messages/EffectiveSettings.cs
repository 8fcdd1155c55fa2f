using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>
/// The settings in force for one message. An opt-out always wins, whoever makes it; otherwise request, then message
/// header, then cluster.
/// </summary>
public sealed class EffectiveSettings(
    SigningKeyRing keys, IOptions<RewriteOptions> options, IOptions<SystemOptions> system)
{
    private readonly TrackingOrigin _systemOrigin = SystemOrigin(system.Value);
    // Made once for each version of a cluster's settings, not for each message.
    private readonly ConditionalWeakTable<ClusterSettings, HostSet> _excluded = [];

    private readonly HostSet _systemHosts = HostSet.Of(system.Value.SystemHost);

    /// <summary>The settings in force.</summary>
    /// <param name="cluster">Whose message it is.</param>
    /// <param name="request">What the request says beside the message.</param>
    /// <param name="message">What the message's own control headers say.</param>
    public RewriteRequest For(DirectoryCluster cluster, MessageMetadata request, MessageMetadata message)
    {
        var settings = cluster.Settings;
        var isOff = Level(cluster, request, message) == TrackingLevel.None;
        return new RewriteRequest
        {
            Origin = _systemOrigin,
            TrackClicks = isOff ? ClickTracking.None : Clicks(settings, request, message),
            TrackOpens = !isOff && Opens(settings, request, message),
            HtmlOnly = settings.HtmlOnly,
            TrackImages = settings.TrackImages,
            TrackSigned = settings.TrackSigned,
            LinkStyle = settings.LinkStyle,
            KeepUrlText = settings.KeepUrlText,
            PixelPosition = settings.PixelPosition,
            HttpsLinksMayUseHttp = options.Value.AllowHttpForHttpsLinks || IsLoopback(_systemOrigin.Host),
            ExcludedDomains = _excluded.GetValue(
                settings, static settings => HostSet.Of(settings.ExcludedDomains)),
            TrackingHosts = _systemHosts,
            Keys = keys.Current,
        };
    }

    /// <summary>The level in force: the most restrictive that anybody asks for.</summary>
    public static TrackingLevel Level(DirectoryCluster cluster, MessageMetadata request, MessageMetadata message) =>
        (TrackingLevel)Math.Max(
            (int)cluster.Settings.TrackingLevel,
            Math.Max((int)(request.Level ?? TrackingLevel.Full), (int)(message.Level ?? TrackingLevel.Full)));

    /// <summary>The tracking host that somebody asked for and that is not used, because it is not an active tracking
    /// domain of the cluster; <see langword="null"/> when there is none.</summary>
    /// <param name="request">What the request says beside the message.</param>
    /// <param name="message">What the message's own control headers say.</param>
    public string? IgnoredHost(MessageMetadata request, MessageMetadata message) =>
        (request.Host ?? message.Host) is { Length: > 0 } asked
            && !(HostName.TryParse(asked, out var host) && host == _systemOrigin.Host)
                ? asked
                : null;

    private static ClickTracking Clicks(ClusterSettings settings, MessageMetadata request, MessageMetadata message) =>
        message.SkipsTracking || request.Clicks == ClickTracking.None || message.Clicks == ClickTracking.None
            ? ClickTracking.None
            : request.Clicks ?? message.Clicks ?? (settings.TrackClicks ? ClickTracking.Both : ClickTracking.None);

    private static bool Opens(ClusterSettings settings, MessageMetadata request, MessageMetadata message) =>
        !message.SkipsTracking && request.Opens != false && message.Opens != false
            && (request.Opens ?? message.Opens ?? settings.TrackOpens);

    // W3C Secure Contexts 3.1: hosts under localhost are as trustworthy as https, they never leave the machine.
    private static bool IsLoopback(HostName host) =>
        host.Value == "localhost" || host.Value.EndsWith(".localhost", StringComparison.Ordinal);

    private static TrackingOrigin SystemOrigin(SystemOptions system)
    {
        var isHttps = system.SystemScheme == "https";
        var port = system.SystemPort == (isHttps ? 443 : 80) ? null : system.SystemPort;
        return HostName.TryParse(system.SystemHost, out var host)
            ? new TrackingOrigin(isHttps, host, port)
            : throw new OptionsValidationException(
                nameof(SystemOptions),
                typeof(SystemOptions),
                [$"Tracking__SystemHost: got \"{system.SystemHost}\", takes a host name without scheme or port"]);
    }
}

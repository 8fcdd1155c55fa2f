using System.Globalization;
using System.Text;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Rewrite.Decisions;

/// <summary>The kinds of parts in which links are wrapped.</summary>
[Flags]
public enum ClickTracking
{
    /// <summary>In none.</summary>
    None = 0,

    /// <summary>In HTML parts.</summary>
    Html = 1,

    /// <summary>In plain text parts.</summary>
    Text = 2,

    /// <summary>In both.</summary>
    Both = Html | Text,
}

/// <summary>The beginning of every tracking URL of a message.</summary>
public sealed record TrackingOrigin
{
    private readonly byte[] _ascii;

    /// <param name="isHttps">The scheme.</param>
    /// <param name="host">The tracking host.</param>
    /// <param name="port">The port, if it is not the scheme's default.</param>
    public TrackingOrigin(bool isHttps, HostName host, int? port = null)
    {
        IsHttps = isHttps;
        Host = host;
        Port = port;
        var suffix = port is null ? "" : string.Create(CultureInfo.InvariantCulture, $":{port}");
        _ascii = Encoding.ASCII.GetBytes((isHttps ? "https://" : "http://") + host.Value + suffix);
    }

    /// <summary>Whether links begin with https.</summary>
    public bool IsHttps { get; }

    /// <summary>The tracking host.</summary>
    public HostName Host { get; }

    /// <summary>The port, if it is not the scheme's default.</summary>
    public int? Port { get; }

    /// <summary><c>https://host:port</c>, without a slash.</summary>
    internal ReadOnlySpan<byte> Ascii => _ascii;

    /// <summary>The host alone.</summary>
    internal ReadOnlySpan<byte> HostAscii => _ascii.AsSpan(IsHttps ? 8 : 7, Host.Value.Length);

    /// <summary>The origin as text.</summary>
    public override string ToString() => Encoding.ASCII.GetString(_ascii);
}

/// <summary>The settings in force for one message, after precedence.</summary>
public sealed record RewriteRequest
{
    /// <summary>The tracking host for links; <see langword="null"/> turns tracking off.</summary>
    public TrackingOrigin? Origin { get; init; }

    /// <summary>How much is kept of who follows the links. It stands in their tokens, so that an edge knows it before
    /// it writes anything.</summary>
    public TrackingLevel Level { get; init; }

    /// <summary>The kinds of parts in which links are wrapped.</summary>
    public ClickTracking TrackClicks { get; init; }

    /// <summary>Whether HTML parts get a pixel.</summary>
    public bool TrackOpens { get; init; }

    /// <summary>Leaves text/plain parts unchanged, even if <see cref="TrackClicks"/> includes them.</summary>
    public bool HtmlOnly { get; init; }

    /// <summary>Wraps the sources of images too.</summary>
    public bool TrackImages { get; init; }

    /// <summary>Rewrites messages that have a DKIM or ARC signature. The rewriting breaks the signature.</summary>
    public bool TrackSigned { get; init; }

    /// <summary>The shape of links.</summary>
    public LinkStyle LinkStyle { get; init; }

    /// <summary>Which links stay plain because their visible text is a URL.</summary>
    public KeepUrlText KeepUrlText { get; init; }

    /// <summary>The place of the pixel.</summary>
    public PixelPosition PixelPosition { get; init; }

    /// <summary>Wraps https links even if the tracking host has only http.</summary>
    public bool HttpsLinksMayUseHttp { get; init; }

    /// <summary>Hosts, and paths of hosts, whose links stay plain: the union of the cluster's list and the tracking
    /// domain's list.</summary>
    public HostSet ExcludedDomains { get; init; } = HostSet.Empty;

    /// <summary>Hosts, and paths of hosts, whose links are tracked and not counted, as those that their sender
    /// marks.</summary>
    public HostSet SystemLinks { get; init; } = HostSet.Empty;

    /// <summary>Further tracking hosts besides <see cref="Origin"/>'s. Their links are never wrapped. A link that
    /// contains one of our tokens is not wrapped on any host.</summary>
    public HostSet TrackingHosts { get; init; } = HostSet.Empty;

    /// <summary>Tracking domains of any cluster among the hosts of the message's links. Links to them are never
    /// wrapped.</summary>
    public HostSet LinkedTrackingHosts { get; init; } = HostSet.Empty;

    /// <summary>UTM parameters that the destinations of tracked links get.</summary>
    public UtmParameters? Utm { get; init; }

    /// <summary>Whether headers that control tracking in other systems are removed.</summary>
    public bool RemovesOtherHeaders { get; init; }

    /// <summary>The message's own headers that are not obeyed, for the report.</summary>
    public IReadOnlyList<IgnoredHeader> IgnoredHeaders { get; init; } = [];

    /// <summary>The keys that recognise our tokens in links of any host.</summary>
    public SigningKeys? Keys { get; init; }

    internal bool TracksHtml => Origin is not null && (TrackClicks & ClickTracking.Html) != 0;

    internal bool TracksText => Origin is not null && (TrackClicks & ClickTracking.Text) != 0 && !HtmlOnly;

    internal bool TracksImages => Origin is not null && TrackImages && TrackClicks != ClickTracking.None;

    internal bool AddsPixel => Origin is not null && TrackOpens;
}

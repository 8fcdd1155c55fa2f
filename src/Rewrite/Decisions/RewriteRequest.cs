using System.Globalization;
using System.Text;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Rewrite.Decisions;

/// <summary>In which parts links are wrapped.</summary>
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
    /// <param name="port">The port, when it is not the scheme's own.</param>
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

    /// <summary>The port, when it is not the scheme's own.</summary>
    public int? Port { get; }

    /// <summary><c>https://host:port</c>, without a slash.</summary>
    internal ReadOnlySpan<byte> Ascii => _ascii;

    /// <summary>The host alone.</summary>
    internal ReadOnlySpan<byte> HostAscii => _ascii.AsSpan(IsHttps ? 8 : 7, Host.Value.Length);

    /// <summary>The origin as text.</summary>
    public override string ToString() => Encoding.ASCII.GetString(_ascii);
}

/// <summary>What is to be done with one message: the settings in effect after precedence.</summary>
public sealed record RewriteRequest
{
    /// <summary>The tracking host to put into links; <see langword="null"/> when there is none, which turns tracking
    /// off.</summary>
    public TrackingOrigin? Origin { get; init; }

    /// <summary>Where links are wrapped.</summary>
    public ClickTracking TrackClicks { get; init; }

    /// <summary>Whether HTML parts get a pixel.</summary>
    public bool TrackOpens { get; init; }

    /// <summary>Leave text/plain parts alone, whatever <see cref="TrackClicks"/> says.</summary>
    public bool HtmlOnly { get; init; }

    /// <summary>Wrap the sources of images too.</summary>
    public bool TrackImages { get; init; }

    /// <summary>Rewrite messages that carry a DKIM or ARC signature, breaking it.</summary>
    public bool TrackSigned { get; init; }

    /// <summary>The shape of links.</summary>
    public LinkStyle LinkStyle { get; init; }

    /// <summary>Links whose visible text is a URL.</summary>
    public KeepUrlText KeepUrlText { get; init; }

    /// <summary>Where the pixel goes.</summary>
    public PixelPosition PixelPosition { get; init; }

    /// <summary>Wrap https links although the tracking host has only http.</summary>
    public bool HttpsLinksMayUseHttp { get; init; }

    /// <summary>Hosts, and paths of hosts, whose links stay plain: those of the cluster and of the tracking
    /// domain.</summary>
    public HostSet ExcludedDomains { get; init; } = HostSet.Empty;

    /// <summary>Tracking hosts beside <see cref="Origin"/>'s own, whose links are never wrapped. A link that carries a token
    /// of ours is not wrapped on any host.</summary>
    public HostSet TrackingHosts { get; init; } = HostSet.Empty;

    /// <summary>Recognises links that carry a token of ours under any host.</summary>
    public SigningKeys? Keys { get; init; }

    internal bool TracksHtml => Origin is not null && (TrackClicks & ClickTracking.Html) != 0;

    internal bool TracksText => Origin is not null && (TrackClicks & ClickTracking.Text) != 0 && !HtmlOnly;

    internal bool TracksImages => Origin is not null && TrackImages && TrackClicks != ClickTracking.None;

    internal bool AddsPixel => Origin is not null && TrackOpens;
}

using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.ServiceDefaults.Hosting;

/// <summary>
/// Limits on clients, hostile ones included. Body sizes and rates keep Kestrel's limits (30 MB; 240 bytes a second
/// after 5 s). An endpoint with larger bodies sets its own limit.
/// </summary>
public sealed class ConnectionLimits
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Connections";

    /// <summary>
    /// Connections open at the same time, over all ports. 20,000 connections of about 20 kB each take less than half a
    /// gigabyte. Kestrel has no limit.
    /// </summary>
    [Range(10, 1_000_000)]
    public int MaxOpen { get; set; } = 20_000;

    /// <summary>The longest time for all request headers together. 10 s; Kestrel's default is 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan HeadersTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The time that an idle connection is kept. 60 s; Kestrel's default is 130 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>The largest size of all request headers together, in bytes. 32768 is Kestrel's default.</summary>
    [Range(4_096, 1_048_576)]
    public int MaxHeaderBytes { get; set; } = 32_768;

    /// <summary>Simultaneous streams of one HTTP/2 connection. 100 is Kestrel's default, and RFC 9113 6.5.2 recommends
    /// it.</summary>
    [Range(1, 10_000)]
    public int MaxStreams { get; set; } = 100;

    internal void ApplyTo(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = MaxOpen;
        kestrel.Limits.MaxConcurrentUpgradedConnections = MaxOpen;
        kestrel.Limits.RequestHeadersTimeout = HeadersTimeout;
        kestrel.Limits.KeepAliveTimeout = IdleTimeout;
        kestrel.Limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
        kestrel.Limits.Http2.MaxStreamsPerConnection = MaxStreams;
    }
}

/// <summary>Adds <see cref="ConnectionLimits"/>.</summary>
public static class ConnectionLimitsComposition
{
    private const string NoLineFeedAlone = "Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators";

    /// <summary>Limits every endpoint of this process, and what is read as HTTP/1.1.</summary>
    public static IHostApplicationBuilder AddConnectionLimits(this IHostApplicationBuilder builder)
    {
        // A line feed alone ends no line: whoever stands in front may not take it for an end, and would then see one
        // request where Kestrel sees two (RFC 9112 §2.2 leaves it open).
        AppContext.SetSwitch(NoLineFeedAlone, isEnabled: true);
        builder.AddTrackingOptions<ConnectionLimits>(ConnectionLimits.Section);
        builder.Services.AddOptions<KestrelServerOptions>()
            .Configure<IOptions<ConnectionLimits>>((kestrel, limits) => limits.Value.ApplyTo(kestrel));
        return builder;
    }
}

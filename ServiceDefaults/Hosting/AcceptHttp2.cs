using System.Buffers;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Tracking.ServiceDefaults.Hosting;

/// <summary>
/// HTTP/2 without TLS beside HTTP/1.1 on the same port, for clients with prior knowledge (RFC 9113 3.3): the gateway
/// uses it for every service. Kestrel serves only HTTP/1.1 on such a port (dotnet/aspnetcore#56984). So the first bytes
/// of a connection are examined before Kestrel chooses: with HTTP/2's preface the connection is served as HTTP/2,
/// otherwise as before.
/// </summary>
public static class AcceptHttp2
{
    // RFC 9113 3.4. No HTTP/1.1 request begins with its first line, because PRI is not a method of any other protocol.
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Accepts both protocols on every port of this process.</summary>
    /// <exception cref="MissingMemberException">This version of Kestrel makes the choice in another way.</exception>
    public static IHostApplicationBuilder AddHttp2WithoutTls(this IHostApplicationBuilder builder)
    {
        // Called now, so that a version of Kestrel without it fails at the start and not at the first connection.
        _ = CreateChoice(HttpProtocols.Http2);
        builder.Services.TryAddSingleton<ReadByThemselves>();
        builder.Services.AddOptions<KestrelServerOptions>()
            .Configure<IOptions<ConnectionLimits>, ReadByThemselves>((kestrel, limits, others) =>
                kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(next => others.Endpoints.Contains(endpoint)
                    ? next
                    : connection => ChooseAsync(connection, next, limits.Value))));
        return builder;
    }

    /// <summary>Leaves an endpoint's first bytes to another reader: TLS, or a protocol in front of HTTP.</summary>
    public static ListenOptions LeaveFirstBytes(this ListenOptions endpoint)
    {
        endpoint.ApplicationServices.GetService<ReadByThemselves>()?.Endpoints.Add(endpoint);
        return endpoint;
    }

    /// <summary>Accepts both protocols from here on, for an endpoint whose first bytes another reader has
    /// read.</summary>
    public static ListenOptions UseHttp2WithoutTls(this ListenOptions endpoint)
    {
        var limits = endpoint.ApplicationServices.GetRequiredService<IOptions<ConnectionLimits>>();
        endpoint.Use(next => connection => ChooseAsync(connection, next, limits.Value));
        return endpoint;
    }

    private static async Task ChooseAsync(
        ConnectionContext connection, ConnectionDelegate next, ConnectionLimits limits)
    {
        if (await BeginsWithPrefaceAsync(connection, limits.HeadersTimeout))
        {
            var choice = CreateChoice(HttpProtocols.Http2);
            connection.Features[choice.GetType()] = choice;
        }

        await next(connection);
    }

    // Reads as few bytes as necessary and consumes none. A silent client counts as HTTP/1.1, whose time limits end it.
    private static async Task<bool> BeginsWithPrefaceAsync(ConnectionContext connection, TimeSpan timeout)
    {
        var input = connection.Transport.Input;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(
            connection.ConnectionClosed,
            connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? default);
        patience.CancelAfter(timeout);
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(patience.Token);
                var buffer = read.Buffer;
                var isPreface = Compare(buffer);
                var isCertain = isPreface is not null || read.IsCompleted || read.IsCanceled;
                input.AdvanceTo(buffer.Start, isCertain ? buffer.Start : buffer.End);
                if (isCertain)
                {
                    return isPreface ?? false;
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            return false;
        }
    }

    /// <returns><see langword="null"/> while more bytes are needed.</returns>
    private static bool? Compare(in ReadOnlySequence<byte> buffer)
    {
        Span<byte> start = stackalloc byte[Preface.Length];
        start = start[..(int)Math.Min(start.Length, buffer.Length)];
        buffer.Slice(0, start.Length).CopyTo(start);
        return !start.SequenceEqual(Preface[..start.Length]) ? false
            : start.Length == Preface.Length ? true
            : null;
    }

    private sealed class ReadByThemselves
    {
        public HashSet<ListenOptions> Endpoints { get; } = [];
    }

    // Kestrel itself uses this to choose by the name in a TLS handshake. There is no public API for it.
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    [return: UnsafeAccessorType(
        "Microsoft.AspNetCore.Server.Kestrel.Core.Internal.HttpProtocolsFeature, "
        + "Microsoft.AspNetCore.Server.Kestrel.Core")]
    private static extern object CreateChoice(HttpProtocols protocols);
}

using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;

namespace Tracking.Tls.Connections;

/// <summary>One time limit for everything before the first request. A client that sends nothing or single bytes is cut
/// off at the limit, in whichever step it is.</summary>
internal sealed class HandshakeDeadline(IOptions<TlsOptions> options, TlsMeters meters, TimeProvider time)
{
    /// <summary>Starts the time of a connection; <see cref="Met"/> stops it.</summary>
    public async Task StartAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        await using var timer = time.CreateTimer(
            state => Cut((ConnectionContext)state!), connection,
            options.Value.HandshakeTimeout, Timeout.InfiniteTimeSpan);
        connection.Features.Set(new Limit(timer));
        try
        {
            await next(connection);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // The client has gone or was cut off before its first request. Without this handler Kestrel would log an
            // error.
        }
    }

    /// <summary>The handshake has ended.</summary>
    public static void Met(ConnectionContext connection) =>
        connection.Features.Get<Limit>()?.Timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    private void Cut(ConnectionContext connection)
    {
        meters.Refuse(TlsRefusal.Timeout);
        connection.Abort(new ConnectionAbortedException("The TLS handshake took too long."));
    }

    private sealed record Limit(ITimer Timer);
}

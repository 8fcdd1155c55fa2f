using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Tracking.Tls.Connections;

/// <summary>
/// Reads the ClientHello before the TLS handshake and leaves its bytes to the handshake. Kestrel's own callback sees
/// the server name only, and a certificate authority is recognised by the application protocols. The result is the
/// connection's <see cref="ClientHello"/> feature.
/// </summary>
internal sealed class ReadClientHello(TlsMeters meters)
{
    /// <summary>Reads the ClientHello and continues. A connection that is no TLS gets an alert if the client can
    /// understand one.</summary>
    public async Task ReadAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var (outcome, hello) = await PeekAsync(connection.Transport.Input, connection.ConnectionClosed);
        switch (outcome)
        {
            case ClientHelloOutcome.Complete:
                connection.Features.Set(hello!);
                await next(connection);
                break;
            case ClientHelloOutcome.Incomplete:
                // The client has gone.
                break;
            case ClientHelloOutcome.NotTls:
                meters.Refuse(TlsRefusal.NotTls);
                break;
            case ClientHelloOutcome.TooLong:
                meters.Refuse(TlsRefusal.TooLong);
                await SendAlert.RefuseAsync(connection, AlertDescription.IllegalParameter);
                break;
            default:
                meters.Refuse(TlsRefusal.Malformed);
                await SendAlert.RefuseAsync(connection, AlertDescription.DecodeError);
                break;
        }
    }

    /// <summary>Waits until the ClientHello is complete, and leaves all bytes to the next reader.</summary>
    internal static async ValueTask<(ClientHelloOutcome Outcome, ClientHello? Hello)> PeekAsync(
        PipeReader input, CancellationToken cancellationToken)
    {
        var needed = 1;
        while (true)
        {
            var read = await input.ReadAsync(cancellationToken);
            var arrived = read.Buffer;
            var (outcome, hello) = (ClientHelloOutcome.Incomplete, default(ClientHello));
            if (arrived.Length >= needed)
            {
                outcome = ParseClientHello.Read(arrived, out hello, out needed);
            }

            var isCertain = outcome != ClientHelloOutcome.Incomplete || read.IsCompleted || read.IsCanceled;
            input.AdvanceTo(arrived.Start, isCertain ? arrived.Start : arrived.End);
            if (isCertain)
            {
                return (outcome, hello);
            }
        }
    }
}

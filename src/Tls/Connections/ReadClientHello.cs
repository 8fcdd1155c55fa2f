using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Tracking.Tls.Connections;

/// <summary>
/// Looks at the ClientHello before TLS does and takes nothing of it: Kestrel's own callback sees the server name alone,
/// and whether a certificate authority is asking stands in the application protocols. What was read is the
/// connection's <see cref="ClientHello"/> feature.
/// </summary>
internal sealed class ReadClientHello(TlsMeters meters)
{
    /// <summary>Reads it, and goes on; what is no TLS is answered with an alert where one would be
    /// understood.</summary>
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

    /// <summary>Waits until the ClientHello is there, however it comes, and leaves it all to the next reader.</summary>
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

using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Tls.Connections;

/// <summary>
/// Reads the PROXY header from connections of the configured load balancers. From then on the connection's address is
/// the client's. Such a connection without a header is refused, because otherwise every client of a wrongly configured
/// balancer would have the balancer's address.
/// </summary>
internal sealed partial class ReadProxyHeader(
    IOptions<TlsOptions> options, TlsMeters meters, ILogger<ReadProxyHeader> logger)
{
    private readonly AddressRanges _balancers = new(options.Value.ProxyProtocolFrom);

    /// <summary>Whether a load balancer is configured.</summary>
    public bool IsUsed => !_balancers.IsEmpty;

    /// <summary>Reads the header of a balancer's connection and continues.</summary>
    public async Task ReadAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        if (_balancers.Contains((connection.RemoteEndPoint as IPEndPoint)?.Address))
        {
            if (await FindAsync(connection) is not { } header)
            {
                meters.Refuse(TlsRefusal.ProxyHeader);
                LogRefused(connection.RemoteEndPoint);
                return;
            }

            connection.RemoteEndPoint = header.Source ?? connection.RemoteEndPoint;
        }

        await next(connection);
    }

    private static async Task<ProxyHeader?> FindAsync(ConnectionContext connection)
    {
        var input = connection.Transport.Input;
        while (true)
        {
            var read = await input.ReadAsync(connection.ConnectionClosed);
            var outcome = ProxyHeader.Read(read.Buffer, out var header);
            if (outcome == ProxyHeaderOutcome.Complete)
            {
                input.AdvanceTo(read.Buffer.GetPosition(header.Length));
                return header;
            }

            input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (outcome == ProxyHeaderOutcome.Invalid || read.IsCompleted || read.IsCanceled)
            {
                return null;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message =
        "A connection from {Balancer} was refused, because it began without a PROXY header or with a broken one")]
    private partial void LogRefused(EndPoint? balancer);
}

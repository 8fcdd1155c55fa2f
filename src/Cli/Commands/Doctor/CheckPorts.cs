using System.Net;
using System.Net.Sockets;

namespace Tracking.Cli.Commands.Doctor;

/// <summary>Checks whether the ports for recipients and certificate authorities are open, as seen from this
/// machine.</summary>
internal static class CheckPorts
{
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(5);

    /// <summary>Connects to every port of every address at the same time.</summary>
    public static async Task<IReadOnlyList<DoctorRow>> RunAsync(
        IReadOnlyList<IPAddress> addresses, IReadOnlyList<int> ports, CancellationToken cancellationToken)
    {
        if (addresses.Count == 0)
        {
            return
            [
                new DoctorRow(
                    "port", string.Join(", ", ports), RowState.Wrong, "there is no address to try",
                    "an address with an open port"),
            ];
        }

        return await Task.WhenAll(addresses.SelectMany(address => ports.Select(port =>
            TryAsync(new IPEndPoint(address, port), cancellationToken))));
    }

    private static async Task<DoctorRow> TryAsync(IPEndPoint endPoint, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_longest);
        try
        {
            using var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(endPoint, limit.Token);
            return new DoctorRow("port", endPoint.ToString(), RowState.Ok, "the port is open");
        }
        catch (SocketException exception)
        {
            return Failed(endPoint, exception.SocketErrorCode);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Failed(endPoint, SocketError.TimedOut);
        }
    }

    private static DoctorRow Failed(IPEndPoint endPoint, SocketError error)
    {
        var isWithoutRoute = error is SocketError.NetworkUnreachable or SocketError.HostUnreachable
            or SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable;
        if (isWithoutRoute && endPoint.AddressFamily == AddressFamily.InterNetworkV6)
        {
            return new DoctorRow(
                "port", endPoint.ToString(), RowState.Warning, "this machine has no route to IPv6 addresses",
                "the port is open", "Try it from a machine that has IPv6.");
        }

        var what = error == SocketError.ConnectionRefused ? "the connection is refused"
            : isWithoutRoute ? "there is no route to this address"
            : $"no answer within {_longest.TotalSeconds:0} s";
        return new DoctorRow(
            "port", endPoint.ToString(), RowState.Wrong, what, "the port is open",
            "Start the gateway on this port, and open it in firewalls. Some routers do not loop connections back: "
            + "then try it from outside.");
    }
}

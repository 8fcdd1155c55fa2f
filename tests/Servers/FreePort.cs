using System.Net;
using System.Net.Sockets;

namespace Tracking.Servers;

/// <summary>
/// Loopback ports for servers whose port must be given. They are below the range from which the system chooses ports
/// for outgoing connections, so a server that is stopped and started again finds its port free.
/// </summary>
public static class FreePort
{
    private const int First = 20_000;
    private const int End = 32_000;

    // A port is often chosen some time before its server listens on it.
    private static readonly HashSet<int> _given = [];

    /// <summary>Ports on which no server listens at this moment. All are different, and none was returned
    /// before.</summary>
    public static int[] Take(int count)
    {
        var ports = new HashSet<int>();
        while (ports.Count < count)
        {
            var port = Random.Shared.Next(First, End);
            if (IsFree(port) && IsNew(port))
            {
                ports.Add(port);
            }
        }

        return [.. ports];
    }

    private static bool IsNew(int port)
    {
        lock (_given)
        {
            return _given.Add(port);
        }
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

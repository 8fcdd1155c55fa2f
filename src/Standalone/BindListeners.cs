using System.Net;
using System.Net.Sockets;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone;

/// <summary>
/// Takes the ports at the very beginning. So a port in use is reported before a database is made, and a port that the
/// system chose is known before a URL contains it. Connections are accepted only when the services run.
/// </summary>
internal sealed class BindListeners : IDisposable
{
    private readonly Dictionary<IPEndPoint, Socket> _sockets = [];

    /// <summary>API and console.</summary>
    public required IReadOnlyList<IPEndPoint> Http { get; init; }

    /// <summary>API and console as this machine reaches them.</summary>
    public Uri Api => new UriBuilder(
        Uri.UriSchemeHttp,
        (Http[0].Address.Equals(IPAddress.Any) ? IPAddress.Loopback
            : Http[0].Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : Http[0].Address).ToString(),
        Http[0].Port).Uri;

    /// <summary>The edge over HTTP.</summary>
    public required IReadOnlyList<IPEndPoint> Edge { get; init; }

    /// <summary>The edge over TLS.</summary>
    public required IReadOnlyList<IPEndPoint> EdgeTls { get; init; }

    /// <summary>Binds every address and port of the settings.</summary>
    /// <exception cref="StartUpException">A port is in use or not allowed, or an address does not belong to this
    /// machine.</exception>
    public static BindListeners To(StandaloneSettings settings)
    {
        var sockets = new Dictionary<IPEndPoint, Socket>();
        try
        {
            return new BindListeners(sockets)
            {
                Http = Bind("TRACKING_HTTP_PORT", "TRACKING_BIND", settings.Bind, settings.HttpPort, sockets),
                Edge = Bind("TRACKING_EDGE_PORT", "TRACKING_EDGE_BIND", settings.EdgeBind, settings.EdgePort, sockets),
                EdgeTls = Bind(
                    "TRACKING_EDGE_TLS_PORT", "TRACKING_EDGE_BIND", settings.EdgeBind, settings.EdgeTlsPort, sockets),
            };
        }
        catch
        {
            DisposeAll(sockets);
            throw;
        }
    }

    private BindListeners(Dictionary<IPEndPoint, Socket> sockets) => _sockets = sockets;

    /// <summary>Passes a bound socket to the server.</summary>
    public Socket Take(EndPoint endpoint) =>
        endpoint is IPEndPoint address && _sockets.Remove(address, out var socket)
            ? socket
            : throw new InvalidOperationException($"{endpoint} was not bound at the start.");

    /// <inheritdoc/>
    public void Dispose() => DisposeAll(_sockets);

    private static List<IPEndPoint> Bind(
        string portKey,
        string bindKey,
        IReadOnlyList<IPAddress> addresses,
        int port,
        Dictionary<IPEndPoint, Socket> sockets)
    {
        var bound = new List<IPEndPoint>();
        foreach (var address in addresses)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                if (address.AddressFamily == AddressFamily.InterNetworkV6)
                {
                    // "::" alone includes IPv4. Beside IPv4 addresses it must not, because they have their own sockets.
                    socket.DualMode = address.Equals(IPAddress.IPv6Any)
                        && addresses.All(other => other.AddressFamily == AddressFamily.InterNetworkV6);
                }

                // All addresses of a list share the port that the system chose for the first one.
                socket.Bind(new IPEndPoint(address, port));
                var endpoint = (IPEndPoint)socket.LocalEndPoint!;
                port = endpoint.Port;
                sockets.Add(endpoint, socket);
                bound.Add(endpoint);
            }
            catch (SocketException refused)
            {
                socket.Dispose();
                throw new StartUpException(
                    Explain(refused, portKey, bindKey, new IPEndPoint(address, port)),
                    refused.SocketErrorCode == SocketError.AddressAlreadyInUse
                        ? StartUp.Unavailable
                        : StartUp.ConfigurationError);
            }
        }

        return bound;
    }

    private static string Explain(SocketException refused, string portKey, string bindKey, IPEndPoint endpoint) =>
        refused.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse =>
                $"{endpoint} is in use by another program. Stop that one, or set {portKey} to another port.",
            SocketError.AccessDenied =>
                $"{endpoint} is not allowed to this user. Set {portKey} to a port above 1023.",
            SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported =>
                $"{endpoint.Address} in {bindKey} is not an address of this machine.",
            _ => $"{endpoint} cannot be used for listening ({portKey}, {bindKey}): {refused.Message}.",
        };

    private static void DisposeAll(Dictionary<IPEndPoint, Socket> sockets)
    {
        foreach (var socket in sockets.Values)
        {
            socket.Dispose();
        }

        sockets.Clear();
    }
}

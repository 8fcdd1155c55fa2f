using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>A proxy of a database that can be cut and mended. While it is cut, connections are broken and new ones
/// refused.</summary>
internal sealed class DatabaseRelay : IAsyncDisposable
{
    private readonly NpgsqlConnectionStringBuilder _target;
    private readonly int _port;
    private readonly List<Socket> _open = [];
    private TcpListener? _listener;

    public DatabaseRelay(string connectionString)
    {
        _target = new NpgsqlConnectionStringBuilder(connectionString);
        _listener = new TcpListener(IPAddress.Loopback, 0);
        _listener.Start();
        _port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync(_listener);
        ConnectionString = new NpgsqlConnectionStringBuilder(connectionString) { Port = _port }.ConnectionString;
    }

    public string ConnectionString { get; }

    public void Cut()
    {
        _listener?.Stop();
        _listener = null;
        lock (_open)
        {
            _open.ForEach(socket => socket.Dispose());
            _open.Clear();
        }
    }

    public void Mend()
    {
        _listener = new TcpListener(IPAddress.Loopback, _port);
        _listener.Server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Start();
        _ = AcceptAsync(_listener);
    }

    public ValueTask DisposeAsync()
    {
        Cut();
        return ValueTask.CompletedTask;
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptSocketAsync();
                var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                client.NoDelay = true;
                lock (_open)
                {
                    _open.AddRange([client, server]);
                }

                await server.ConnectAsync(IPAddress.Parse(_target.Host!), _target.Port);
                _ = CopyAsync(client, server);
                _ = CopyAsync(server, client);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
        }
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[65536];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var length)
            {
                await to.SendAsync(buffer.AsMemory(0, length));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
        }
        finally
        {
            from.Dispose();
            to.Dispose();
        }
    }
}

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Tracking.Functional.Tests.Rewrite;

/// <summary>The point near the end of a transaction at which a connection to PostgreSQL is cut.</summary>
public enum CutPoint
{
    /// <summary>After the statements and before the end of the transaction: nothing is committed.</summary>
    BeforeSync,

    /// <summary>After the answers to the statements and before the answer to the commit: everything is
    /// committed.</summary>
    BeforeReady,
}

/// <summary>
/// A proxy of a database that reads the protocol and cuts the connection once, at a chosen transaction (PostgreSQL 15,
/// 55.7: a client ends a transaction by Sync, and the server sends ReadyForQuery after the commit).
/// </summary>
internal sealed class DatabaseCutter : IAsyncDisposable
{
    private const byte Sync = (byte)'S';
    private const byte ReadyForQuery = (byte)'Z';

    private readonly NpgsqlConnectionStringBuilder _target;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _open = [];
    private CutPoint _at;
    private int _left = -1;

    public DatabaseCutter(string connectionString)
    {
        _target = new NpgsqlConnectionStringBuilder(connectionString);
        _listener.Start();
        ConnectionString = new NpgsqlConnectionStringBuilder(connectionString)
        {
            Port = ((IPEndPoint)_listener.LocalEndpoint).Port,
            SslMode = SslMode.Disable,
            GssEncryptionMode = GssEncryptionMode.Disable,
        }.ConnectionString;
        _ = AcceptAsync();
    }

    public string ConnectionString { get; }

    /// <summary>Whether the cut has happened.</summary>
    public bool HasCut => Volatile.Read(ref _left) == 0;

    /// <summary>Cuts at the transaction of this number from now, from 1.</summary>
    public void Arm(CutPoint at, int transaction)
    {
        _at = at;
        Volatile.Write(ref _left, transaction);
    }

    /// <summary>Cuts no more.</summary>
    public void Disarm() => Volatile.Write(ref _left, -1);

    public ValueTask DisposeAsync()
    {
        _listener.Stop();
        lock (_open)
        {
            _open.ForEach(socket => socket.Dispose());
        }

        return ValueTask.CompletedTask;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync();
                var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                client.NoDelay = true;
                lock (_open)
                {
                    _open.AddRange([client, server]);
                }

                await server.ConnectAsync(IPAddress.Parse(_target.Host!), _target.Port);
                _ = CopyAsync(client, server, isFromClient: true);
                _ = CopyAsync(server, client, isFromClient: false);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
        }
    }

    // Copies message by message. Only a client's first message has no type.
    private async Task CopyAsync(Socket from, Socket to, bool isFromClient)
    {
        var header = new byte[5];
        try
        {
            for (var isFirst = isFromClient; ; isFirst = false)
            {
                var size = isFirst ? 4 : 5;
                await ReceiveAsync(from, header.AsMemory(0, size));
                var length = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(size - 4)) - 4;
                var message = new byte[size + length];
                header.AsSpan(0, size).CopyTo(message);
                await ReceiveAsync(from, message.AsMemory(size));
                if (!isFirst && IsCut(isFromClient, message[0]))
                {
                    return;
                }

                await to.SendAsync(message);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or IOException)
        {
        }
        finally
        {
            from.Dispose();
            to.Dispose();
        }
    }

    private bool IsCut(bool isFromClient, byte type) =>
        (isFromClient ? type == Sync && _at == CutPoint.BeforeSync : type == ReadyForQuery
            && _at == CutPoint.BeforeReady)
        && Volatile.Read(ref _left) > 0
        && Interlocked.Decrement(ref _left) == 0;

    private static async Task ReceiveAsync(Socket from, Memory<byte> all)
    {
        while (all.Length > 0)
        {
            var length = await from.ReceiveAsync(all);
            all = length > 0 ? all[length..] : throw new IOException("It ended.");
        }
    }
}

using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Rewrite.Doors;

/// <summary>A connection of an MTA.</summary>
/// <param name="Stream">Its bytes.</param>
/// <param name="Client">Who it is, for the log.</param>
/// <param name="IsLocal">Whether it comes from this machine.</param>
/// <param name="Stopping">Cancelled when the process begins to stop: a transaction in progress still ends.</param>
public sealed record MtaConnection(Stream Stream, string Client, bool IsLocal, CancellationToken Stopping);

/// <summary>
/// Listens for MTAs, over TCP or a Unix socket, and serves each connection. A stop closes the listener at once, and
/// waits for the transactions in progress.
/// </summary>
/// <param name="clients">The addresses that may connect. A Unix socket is protected by its folder instead.</param>
/// <param name="most">The most connections at the same time; further ones wait in the listener's queue.</param>
/// <param name="serve">Serves one connection until its end. The token is cancelled at the end of a stop.</param>
/// <param name="logger">For failures of connections.</param>
public sealed partial class AcceptMtas(
    AddressRanges clients, int most, Func<MtaConnection, CancellationToken, Task> serve, ILogger logger)
    : IDisposable
{
    // Connections that the kernel keeps until they are accepted: Postfix opens up to 20 to one destination
    // (default_destination_concurrency_limit), and several MTAs may share a filter.
    private const int Backlog = 512;

    private readonly SemaphoreSlim _free = new(most, most);
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _aborted = new();
    private readonly HashSet<Task> _sessions = [];
    private Socket? _listener;
    private bool _disposed;
    private Task _accepting = Task.CompletedTask;

    /// <summary>The address, once it listens. The system has chosen the port if 0 was given.</summary>
    public EndPoint? Address => _listener?.LocalEndPoint;

    /// <summary>Begins to listen.</summary>
    /// <param name="address">The address.</param>
    /// <param name="setting">The setting that has the address, for the message of a failure.</param>
    /// <exception cref="StartUpException">The address cannot be used.</exception>
    public void Start(EndPoint address, string setting)
    {
        ArgumentNullException.ThrowIfNull(address);
        var isUnix = address is UnixDomainSocketEndPoint;
        _listener = new Socket(
            address.AddressFamily, SocketType.Stream, isUnix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            if (isUnix)
            {
                RemoveLeftover(address.ToString()!);
            }

            _listener.Bind(address);
            _listener.Listen(Backlog);
        }
        catch (SocketException refused)
        {
            _listener.Dispose();
            throw new StartUpException(
                $"{setting}: {address} cannot be used for listening: {refused.Message}.",
                refused.SocketErrorCode == SocketError.AddressAlreadyInUse
                    ? StartUp.Unavailable
                    : StartUp.ConfigurationError);
        }

        if (isUnix && !OperatingSystem.IsWindows())
        {
            // The MTA runs as another user. The folder decides who reaches the socket.
            File.SetUnixFileMode(address.ToString()!, (UnixFileMode)0b110_110_110);
        }

        _accepting = AcceptAsync(_listener);
    }

    /// <summary>Closes the listener, and waits until the transactions in progress have ended.</summary>
    /// <param name="cancellationToken">Ends the wait: the connections that are left are closed.</param>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        _listener?.Dispose();
        await _accepting;
        Task[] left;
        lock (_sessions)
        {
            left = [.. _sessions];
        }

        try
        {
            await Task.WhenAll(left).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await _aborted.CancelAsync();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _listener?.Dispose();
        _aborted.Cancel();
        _stopping.Dispose();
        _aborted.Dispose();
        _free.Dispose();
    }

    // A process that was killed leaves its socket's name behind. A socket on which somebody listens stays.
    private static void RemoveLeftover(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException nobody) when (nobody.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
        }
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await _free.WaitAsync(_stopping.Token);
                Begin(await listener.AcceptAsync(_stopping.Token));
            }
            catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (SocketException failed)
            {
                // A connection that was reset before it was accepted, or no free file descriptor. Neither ends the
                // listener; the pause leaves others the time to give descriptors back.
                _free.Release();
                LogNotAccepted(failed.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(100), CancellationToken.None);
            }
        }
    }

    private void Begin(Socket socket)
    {
        var ip = (socket.RemoteEndPoint as IPEndPoint)?.Address;
        if (ip is not null && !clients.Contains(ip))
        {
            LogForeign(ip);
            socket.Dispose();
            _free.Release();
            return;
        }

        if (ip is not null)
        {
            socket.NoDelay = true;
        }

        var connection = new MtaConnection(
            new NetworkStream(socket, ownsSocket: true),
            ip?.ToString() ?? "unix",
            ip is null || IPAddress.IsLoopback(ip),
            _stopping.Token);
        var session = Task.Run(() => ServeAsync(connection));
        lock (_sessions)
        {
            _sessions.Add(session);
        }

        _ = session.ContinueWith(
            ended =>
            {
                lock (_sessions)
                {
                    _sessions.Remove(ended);
                }
            },
            TaskScheduler.Default);
    }

    private async Task ServeAsync(MtaConnection connection)
    {
        try
        {
            await serve(connection, _aborted.Token);
        }
        catch (Exception ended) when (
            ended is IOException or TimeoutException or OperationCanceledException or ObjectDisposedException)
        {
            // The MTA hung up, was too slow, or the process ends. The MTA still has every message without an answer.
            LogEnded(connection.Client, ended.Message);
        }
#pragma warning disable CA1031 // A fault over one connection must not end the others: it is logged.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            LogFault(fault, connection.Client);
        }
        finally
        {
            await connection.Stream.DisposeAsync();
            _free.Release();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection could not be accepted: {Reason}")]
    private partial void LogNotAccepted(string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A connection from {Client} was closed: the setting Clients does not name this address")]
    private partial void LogForeign(IPAddress client);

    [LoggerMessage(Level = LogLevel.Debug, Message = "A connection of {Client} ended: {Reason}")]
    private partial void LogEnded(string client, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "A fault over a connection of {Client}, which was closed")]
    private partial void LogFault(Exception fault, string client);
}

using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Tracking.Servers.Engines;

namespace Tracking.Servers;

/// <summary>
/// A Redis for an assembly (an assembly fixture), or for one test that kills or freezes it. It has its own folder and
/// loopback port, writes to disk only on request, and starts at its first use. It ends with the test process.
/// </summary>
public sealed class TestRedis : IAsyncDisposable
{
    private const int PortAttempts = 5;
    private readonly TemporaryFolder _folder = new();
    private readonly SemaphoreSlim _starting = new(1, 1);
    private readonly List<string> _users = [];
    private IEngine? _server;
    private int _port;

    /// <summary>The password of clients; none by default.</summary>
    public string? Password { get; init; }

    /// <summary>Whether the values survive a restart and a kill.</summary>
    public bool IsPersistent { get; init; }

    /// <summary>The connection string in the form of <c>ConnectionStrings__redis</c>, the same before and after a
    /// restart.</summary>
    /// <exception cref="InvalidOperationException">The server has not been started yet.</exception>
    public string ConnectionString => _port == 0
        ? throw new InvalidOperationException("Redis has not been started.")
        : Password is null ? $"127.0.0.1:{_port}" : $"127.0.0.1:{_port},password={Password}";

    /// <summary>Starts the server unless it runs, and waits until it answers.</summary>
    /// <exception cref="RedisFailedException">The server ended, or did not answer in time.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            if (_server is { HasExited: false })
            {
                return;
            }

            // Another program may take the port between the choice and the server's start. If clients already know the
            // port, it stays.
            var isFirst = _port == 0;
            for (var attempt = 1; ; attempt++)
            {
                _port = isFirst ? FreePort.Take(1)[0] : _port;
                await StartServerAsync(cancellationToken);
                if (await AnswersAsync(_server!, cancellationToken))
                {
                    return;
                }

                var output = await _server!.ReadOutputAsync();
                if (!isFirst || attempt == PortAttempts || !output.Contains("Address already in use"))
                {
                    throw new RedisFailedException($"Redis did not start:\n{output}");
                }
            }
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>Requests a stop and waits for the end.</summary>
    public async Task StopAsync()
    {
        if (_server is { HasExited: false } server)
        {
            // A frozen server does not receive the signal.
            await server.ThawAsync();
            await server.StopAsync("TERM", CancellationToken.None);
        }
    }

    /// <summary>Sends SIGKILL. Returns when the server has ended.</summary>
    public Task KillAsync() => _server?.KillAsync() ?? Task.CompletedTask;

    /// <summary>Stops the server and starts it again on the same port.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken)
    {
        await StopAsync();
        await StartAsync(cancellationToken);
    }

    /// <summary>Freezes the server: connections stay open, and no command is answered.</summary>
    public Task FreezeAsync() => _server!.FreezeAsync();

    /// <summary>Continues the server after <see cref="FreezeAsync"/>.</summary>
    public Task ThawAsync() => _server!.ThawAsync();

    /// <summary>Sets the users, also for the next start. From then on this class connects as <c>admin</c>.</summary>
    /// <param name="lines">The lines of the configuration, the administrator first: <c>user admin on &gt;password
    /// …</c>, <c>user default …</c>.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task SetUsersAsync(IEnumerable<string> lines, CancellationToken cancellationToken)
    {
        foreach (var line in lines)
        {
            var words = line.Split(' ');
            await CommandAsync(cancellationToken, ["ACL", "SETUSER", words[1], "reset", .. words[2..]]);
            _users.Add(line);
        }
    }

    /// <summary>Deletes all values.</summary>
    public Task FlushAsync(CancellationToken cancellationToken) => CommandAsync(cancellationToken, "FLUSHALL");

    /// <summary>The number of calls of a command since the last start.</summary>
    /// <param name="command">The command's name in lower case: <c>get</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<long> CallsAsync(string command, CancellationToken cancellationToken)
    {
        var statistics = (string)(await CommandAsync(cancellationToken, "INFO", "commandstats"))!;
        var start = $"cmdstat_{command}:calls=";
        var line = statistics.Split("\r\n").FirstOrDefault(line => line.StartsWith(start, StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line[start.Length..].Split(',')[0], CultureInfo.InvariantCulture);
    }

    /// <summary>Sends one command, like a client of another program.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="words">The command and its arguments: bytes as Latin-1.</param>
    /// <returns>Text as Latin-1, a whole number, a list of such values, or null.</returns>
    /// <exception cref="RedisFailedException">The server refused the command.</exception>
    public async Task<object?> CommandAsync(CancellationToken cancellationToken, params string[] words)
    {
        using var client = new RespClient();
        await client.ConnectAsync(_port, cancellationToken);
        if (_users.Count > 0)
        {
            await client.SendAsync(cancellationToken, "AUTH", "admin", _users[0].Split(' ')[3][1..]);
        }
        else if (Password is not null)
        {
            await client.SendAsync(cancellationToken, "AUTH", Password);
        }

        return await client.SendAsync(cancellationToken, words);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _starting.Dispose();
        _folder.Dispose();
    }

    private async Task StartServerAsync(CancellationToken cancellationToken)
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        // In the folder that only its owner can read: every user can read a password on a command line.
        var file = _folder.In("redis.conf");
        await File.WriteAllTextAsync(file, Configuration(), cancellationToken);
        _server = await new EngineProgram
        {
            Image = EngineImages.Redis,
            Command = ["redis-server", file],
            Folder = _folder.Path,
        }.StartAsync();
    }

    private string Configuration()
    {
        var text = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"bind 127.0.0.1\nport {_port}\ndir {_folder.Path}\n")
            .Append("daemonize no\nsave \"\"\n")
            .Append(IsPersistent ? "appendonly yes\nappendfsync always\n" : "appendonly no\n");
        _users.ForEach(user => text.Append(user).Append('\n'));
        return (Password is null || _users.Count > 0 ? text : text.Append($"requirepass {Password}\n")).ToString();
    }

    private async Task<bool> AnswersAsync(IEngine server, CancellationToken cancellationToken)
    {
        var answers = false;
        await Eventually.HoldsAsync(
            async () =>
            {
                if (server.HasExited)
                {
                    return true;
                }

                try
                {
                    return answers = await CommandAsync(cancellationToken, "PING") is "PONG";
                }
                catch (Exception exception) when (exception is SocketException or IOException or RedisFailedException)
                {
                    // The server is not started yet, or is still loading its values.
                    return false;
                }
            },
            "Redis answers",
            cancellationToken);
        // Another Redis on that port would have answered too.
        return answers && !server.HasExited;
    }
}

/// <summary>Redis did not start, or refused a command.</summary>
public sealed class RedisFailedException(string message) : Exception(message);

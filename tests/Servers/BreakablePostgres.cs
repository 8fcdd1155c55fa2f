using System.Diagnostics;
using Npgsql;
using Tracking.Servers.Engines;

namespace Tracking.Servers;

/// <summary>
/// A PostgreSQL for one test, with committed data forced to disk as in production. It can be killed, frozen and kept
/// stopped, and restarts on the same port with the committed data. Its database <c>tracking</c> is empty at first.
/// </summary>
public sealed class BreakablePostgres : IAsyncDisposable
{
    private const string Database = "tracking";
    private readonly PostgresServer _server;

    private BreakablePostgres(PostgresServer server) => _server = server;

    /// <summary>The connection string for Npgsql, the same before and after a restart.</summary>
    public string ConnectionString => _server.Connection(Database).ConnectionString;

    /// <summary>Makes a server and starts it.</summary>
    public static async Task<BreakablePostgres> CreateAsync(CancellationToken cancellationToken)
    {
        var server = await PostgresServer.CreateAsync(FreePort.Take(1)[0], isDurable: true, cancellationToken);
        var maintenance = server.Connection("postgres");
        maintenance.Pooling = false;
        await using var connection = new NpgsqlConnection(maintenance.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var create = new NpgsqlCommand($"CREATE DATABASE {Database}", connection);
        await create.ExecuteNonQueryAsync(cancellationToken);
        return new BreakablePostgres(server);
    }

    /// <summary>Starts the server and waits until it accepts connections. After <see cref="KillAsync"/> it recovers
    /// first.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => _server.StartAsync(cancellationToken);

    /// <summary>Stops the server in order; sessions end.</summary>
    public Task StopAsync() => _server.StopAsync();

    /// <summary>Sends SIGKILL to all processes of the server. Returns when they have ended.</summary>
    public Task KillAsync() => _server.KillAsync();

    /// <summary>Stops all processes of the server: connections stay open, and no query is answered.</summary>
    public Task FreezeAsync() => _server.FreezeAsync();

    /// <summary>Continues the server after <see cref="FreezeAsync"/>.</summary>
    public Task ThawAsync() => _server.ThawAsync();

    /// <summary>Copies the files of the stopped server, with their owners.</summary>
    public void CopyTo(string folder) => Copy(_server.Cluster, folder);

    /// <summary>Restores the files of <see cref="CopyTo"/>. The server must be stopped.</summary>
    public void TakeBack(string folder)
    {
        foreach (var entry in Directory.GetFileSystemEntries(_server.Cluster))
        {
            if (Directory.Exists(entry))
            {
                Directory.Delete(entry, recursive: true);
            }
            else
            {
                File.Delete(entry);
            }
        }

        Copy(folder, _server.Cluster);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _server.DisposeAsync();

    // cp keeps the owner, which is another user when tests run as root.
    private static void Copy(string from, string to)
    {
        using var copy = Process.Start("/bin/cp", ["-a", from + "/.", to]);
        copy.WaitForExit();
    }
}

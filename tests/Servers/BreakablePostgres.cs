using System.Diagnostics;
using Npgsql;
using Tracking.Servers.Engines;

namespace Tracking.Servers;

/// <summary>
/// A PostgreSQL of one test's own, forced to disk as in production, that can be killed, frozen and kept away, and comes
/// back on the same port with what was committed. Its database <c>tracking</c> is empty at first.
/// </summary>
public sealed class BreakablePostgres : IAsyncDisposable
{
    private const string Database = "tracking";
    private readonly PostgresServer _server;

    private BreakablePostgres(PostgresServer server) => _server = server;

    /// <summary>For Npgsql; the same before and after a restart.</summary>
    public string ConnectionString => _server.Connection(Database).ConnectionString;

    /// <summary>Makes one and starts it.</summary>
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

    /// <summary>Starts it and waits until it takes connections; recovers first after <see cref="KillAsync"/>.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => _server.StartAsync(cancellationToken);

    /// <summary>Stops it in order; sessions are ended.</summary>
    public Task StopAsync() => _server.StopAsync();

    /// <summary>SIGKILL to all its processes; returns when they are gone.</summary>
    public Task KillAsync() => _server.KillAsync();

    /// <summary>It stands still: connections stay open, nothing answers.</summary>
    public Task FreezeAsync() => _server.FreezeAsync();

    /// <summary>It goes on after <see cref="FreezeAsync"/>.</summary>
    public Task ThawAsync() => _server.ThawAsync();

    /// <summary>Copies its files, owners and all; it is stopped.</summary>
    public void CopyTo(string folder) => Copy(_server.Cluster, folder);

    /// <summary>Makes its files what they were at <see cref="CopyTo"/>; it is stopped.</summary>
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

    // cp keeps the owner, which is not ours where tests run as root.
    private static void Copy(string from, string to)
    {
        using var copy = Process.Start("/bin/cp", ["-a", from + "/.", to]);
        copy.WaitForExit();
    }
}

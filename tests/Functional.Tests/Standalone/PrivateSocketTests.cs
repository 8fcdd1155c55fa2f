using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Tracking.Servers;
using Tracking.Standalone;
using Tracking.Standalone.PrivatePostgres;

namespace Tracking.Functional.Tests.Standalone;

/// <summary>The private database is reachable only by a socket in the data folder.</summary>
[Collection(nameof(RestartedCollection))]
public sealed class PrivateSocketTests(RestartedStandalone standalone)
{
    private static CancellationToken Ends => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_port_leads_to_the_database()
    {
        var server = Postmaster.IdOf(standalone.Process);
        var sockets = Directory.GetFiles($"/proc/{server}/fd")
            .Select(descriptor => new FileInfo(descriptor).LinkTarget ?? "")
            .Where(target => target.StartsWith("socket:[", StringComparison.Ordinal))
            .Select(target => target[8..^1])
            .ToHashSet();

        Assert.NotEmpty(sockets);
        Assert.DoesNotContain(Inodes("tcp").Concat(Inodes("tcp6")), sockets.Contains);
        Assert.True(File.Exists(Path.Combine(standalone.Process.DataFolder, "postgres", ".s.PGSQL.5432")));
        Assert.Equal("1", await PsqlAsync(standalone.Process, "SELECT 1"));

        // The tenth column of a line is its inode (proc(5), /proc/net/tcp).
        IEnumerable<string> Inodes(string protocol) => File.ReadLines($"/proc/{server}/net/{protocol}").Skip(1)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[9]);
    }

    [Fact]
    public async Task A_data_folder_whose_path_is_too_long_for_a_socket_works_too()
    {
        using var folder = new TemporaryFolder();
        var parent = Directory.CreateDirectory(folder.In(new string('a', 120)), RestartedStandalone.OwnerOnly);
        await using var process = await StandaloneProcess.StartAsync(
            Ends, Path.Combine(parent.FullName, "data with, comma"));

        Assert.NotEmpty(await RestartedStandalone.AdminHashesAsync(process));
        Assert.Equal("1", await PsqlAsync(process, "SELECT 1"));
    }

    [Fact]
    public async Task A_data_folder_of_a_version_that_listened_on_a_port_goes_on_working()
    {
        using var parent = new TemporaryFolder();
        using var folder = DataFolder.Open(parent.Path);
        var binaries = FindPostgres.For(null, folder.Cluster);
        var port = FreePort.Take(1)[0];
        await OnOwnThread(() => InitializePostgres.UnlessThere(folder, binaries, durable: false));
        var earlier = OnOwnThread(() =>
        {
            using var server = LaunchPostgres.Start(
                folder.Cluster,
                folder.DatabasePassword,
                binaries.Postgres, "-D", LaunchPostgres.Folder, "-c", "listen_addresses=127.0.0.1",
                "-c", $"port={port}", "-c", "unix_socket_directories=");
            server.BeginOutputReadLine();
            server.BeginErrorReadLine();
            server.WaitForExit();
        });
        var password = await File.ReadAllTextAsync(folder.DatabasePassword, Ends);
        await using (var database = NpgsqlDataSource.Create(
            $"Host=127.0.0.1;Port={port};Database=postgres;Username={InitializePostgres.User};Password={password};Pooling=false"))
        {
            await Eventually.HoldsAsync(
                async () =>
                {
                    try
                    {
                        await using var create = database.CreateCommand("CREATE TABLE IF NOT EXISTS kept AS SELECT 7 n");
                        await create.ExecuteNonQueryAsync(Ends);
                        return true;
                    }
                    catch (NpgsqlException)
                    {
                        return false;
                    }
                },
                "the earlier version's server answers",
                Ends);
        }

        // The Standalone process was killed and left the server running.
        await using var now = await PrivateDatabase.StartAsync(
            folder, null, new ServerSettings { IsDurable = false }, NullLogger.Instance, TimeProvider.System, Ends);

        await earlier.WaitAsync(Eventually.Deadline, Ends);
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(now.ConnectionString) { Database = "postgres", Pooling = false }
                .ConnectionString);
        await connection.OpenAsync(Ends);
        await using var read = new NpgsqlCommand("SELECT n FROM kept", connection);
        Assert.Equal(7, await read.ExecuteScalarAsync(Ends));
    }

    // The kernel's parent-death signal is tied to the thread that started the server: see LaunchPostgres.
    private static Task OnOwnThread(Action action) =>
        Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static async Task<string> PsqlAsync(StandaloneProcess process, string sql)
    {
        var uri = await File.ReadAllTextAsync(Path.Combine(process.DataFolder, "postgres.uri"), Ends);
        using var psql = Process.Start(new ProcessStartInfo("psql", ["-XAtc", sql, uri.Trim()])
        {
            RedirectStandardOutput = true,
        })!;
        var answer = await psql.StandardOutput.ReadToEndAsync(Ends);
        await psql.WaitForExitAsync(Ends);
        return answer.Trim();
    }
}

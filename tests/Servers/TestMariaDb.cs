using System.Globalization;

namespace Tracking.Servers;

/// <summary>A MariaDB for one test class: its own folder, loopback port and log. It starts at its first use and ends
/// with the test process. The user <c>postal</c> has all rights.</summary>
public sealed class TestMariaDb : IAsyncDisposable
{
    /// <summary>The password of <see cref="User"/>.</summary>
    public const string Password = "it's a secret";

    /// <summary>The user with all rights.</summary>
    public const string User = "postal";

    private readonly TemporaryFolder _folder = new();
    private ServerProcess? _server;

    /// <summary>The port on 127.0.0.1.</summary>
    public int Port { get; private set; }

    /// <summary>Makes the data folder and starts the server.</summary>
    /// <exception cref="InvalidOperationException">The server did not start.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var data = _folder.In("data");
        using var install = await ServerProcess.StartAsync(
            ["/usr/bin/mariadb-install-db", "--no-defaults", $"--datadir={data}", "--skip-test-db", "--user=root",
                "--auth-root-authentication-method=normal"],
            _folder.Path,
            new Dictionary<string, string>());
        await Eventually.HoldsAsync(() => install.HasExited, "MariaDB's folder is made", cancellationToken);
        if (install.ExitCode != 0)
        {
            throw new InvalidOperationException($"MariaDB's folder was not made:\n{install.Output}");
        }

        var first = _folder.In("first.sql");
        await File.WriteAllTextAsync(
            first,
            $"CREATE USER '{User}'@'127.0.0.1' IDENTIFIED BY '{Password.Replace("'", "''", StringComparison.Ordinal)}';\n"
                + $"GRANT ALL ON *.* TO '{User}'@'127.0.0.1';\n",
            cancellationToken);
        Port = FreePort.Take(1)[0];
        _server = await ServerProcess.StartAsync(
            ["/usr/sbin/mariadbd", "--no-defaults", $"--datadir={data}", $"--socket={_folder.In("socket")}",
                string.Create(CultureInfo.InvariantCulture, $"--port={Port}"), "--bind-address=127.0.0.1", "--user=root",
                $"--init-file={first}", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve"],
            _folder.Path,
            new Dictionary<string, string>());
        await Eventually.HoldsAsync(
            () => _server.HasExited || _server.Output.Contains("ready for connections", StringComparison.Ordinal),
            "MariaDB has started", cancellationToken);
        if (_server.HasExited)
        {
            throw new InvalidOperationException($"MariaDB did not start:\n{_server.Output}");
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _server?.Dispose();
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

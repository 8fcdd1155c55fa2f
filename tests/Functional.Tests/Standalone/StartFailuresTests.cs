using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Standalone;

public sealed class StartFailuresTests(StoppedStandalone stopped) : IClassFixture<StoppedStandalone>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("TRACKING_HTTP_PORT", "http", "TRACKING_HTTP_PORT is 'http': it takes a port")]
    [InlineData("TRACKING_EDGE_PORT", "65536", "TRACKING_EDGE_PORT is '65536': it takes a port")]
    [InlineData("TRACKING_EDGE_TLS_PORT", "-1", "TRACKING_EDGE_TLS_PORT is '-1': it takes a port")]
    [InlineData("TRACKING_BIND", "127.1", "TRACKING_BIND is '127.1': '127.1' is not an IP address")]
    [InlineData("TRACKING_BIND", "192.0.2.1", "192.0.2.1 in TRACKING_BIND is not an address of this machine")]
    [InlineData("TRACKING_EDGE_BIND", "::1,host", "TRACKING_EDGE_BIND is '::1,host': 'host' is not an IP address")]
    [InlineData("TRACKING_HTPP_PORT", "80", "TRACKING_HTPP_PORT is not a setting. Known are TRACKING_DATA")]
    [InlineData("ConnectionStrings__tracking", "nonsense", "ConnectionStrings__tracking: not a connection string")]
    [InlineData("ConnectionStrings__tracking", "Host=127.0.0.1;Port=1", "ConnectionStrings__tracking does not answer")]
    [InlineData("Tracking__PostgresBin", "/usr/share", "Tracking__PostgresBin is '/usr/share': it takes a folder")]
    [InlineData("Tracking__Connections__MaxOpen", "2",
        "Tracking__Connections__MaxOpen: got \"2\", takes a whole number from 10 to 1000000")]
    [InlineData("Tracking__Connections__MaxOpenn", "20", "Tracking__Connections__MaxOpenn: unknown setting")]
    [InlineData("Tracking__ApiKeys__RememberFor", "00:00:06", "Tracking__ApiKeys__RememberFor: got \"00:00:06\"")]
    [InlineData("Tracking__Rewrite__Limits__MaxDepth", "0", "Tracking__Rewrite__Limits__MaxDepth: got \"0\"")]
    [InlineData("Tracking__SystemHost", "a b", "Tracking__SystemHost: got \"a b\", takes a host name")]
    [InlineData("Tracking__MasterKeyFile", "/proc/none", "Tracking__MasterKeyFile: got \"/proc/none\"")]
    public async Task A_wrong_setting_is_named(string key, string value, string expected)
    {
        await AssertRefusedAsync(new() { ["TRACKING_DATA"] = _folder.In("data"), [key] = value }, expected);

        // The fault is found before a database is made.
        Assert.False(Directory.Exists(_folder.In("data/postgres")));
    }

    [Fact]
    public async Task A_database_sealed_with_another_master_key_is_refused()
    {
        await using (var first = await StandaloneProcess.StartAsync(Cancelled, _folder.In("data")))
        {
            await first.StopAsync(Cancelled);
        }

        await AssertRefusedAsync(
            new()
            {
                ["TRACKING_DATA"] = _folder.In("data"),
                ["Tracking__MasterKey"] = Convert.ToBase64String(new byte[32]),
            },
            "Signing key version 1 was sealed under another master key");
    }

    [Fact]
    public async Task An_edge_folder_that_another_process_holds_is_refused()
    {
        await using var first = await StandaloneProcess.StartAsync(Cancelled, _folder.In("data"));

        await AssertRefusedAsync(
            new() { ["TRACKING_DATA"] = _folder.In("other"), ["Tracking__Edge__Folder"] = _folder.In("data/edge") },
            "is in use by another edge");
    }

    [Theory]
    [InlineData("TRACKING_HTTP_PORT", "http", 78)]
    [InlineData("ConnectionStrings__tracking", "Host=127.0.0.1;Port=1", 69)]
    public async Task The_exit_code_tells_wrong_settings_from_something_that_is_away(
        string key, string value, int expected)
    {
        var settings = new Dictionary<string, string> { ["TRACKING_DATA"] = _folder.In("data"), [key] = value };

        Assert.Equal(expected, (await StandaloneProcess.RunToEndAsync(settings, Cancelled)).ExitCode);
    }

    [Fact]
    public Task Ports_must_differ() => AssertStoppedIsRefusedAsync(
        new() { ["TRACKING_HTTP_PORT"] = "8080", ["TRACKING_EDGE_PORT"] = "8080" },
        "TRACKING_HTTP_PORT and TRACKING_EDGE_PORT are both 8080");

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        other.Listen();
        var port = ((IPEndPoint)other.LocalEndPoint!).Port.ToString(CultureInfo.InvariantCulture);

        await AssertStoppedIsRefusedAsync(
            new() { ["TRACKING_EDGE_PORT"] = port },
            $"127.0.0.1:{port} is in use by another program. Stop that one, or set TRACKING_EDGE_PORT");
    }

    [Fact]
    public Task A_data_folder_that_cannot_be_made_is_named() => AssertRefusedAsync(
        new() { ["TRACKING_DATA"] = "/proc/tracking" }, "the data folder /proc/tracking cannot be written to");

    [Fact]
    public async Task A_data_folder_that_is_a_file_is_named()
    {
        var file = _folder.In("file");
        await File.WriteAllTextAsync(file, "", Cancelled);

        await AssertRefusedAsync(new() { ["TRACKING_DATA"] = file }, $"the data folder {file} cannot be written to");
    }

    [Fact]
    public async Task A_data_folder_of_another_PostgreSQL_version_is_refused_with_the_version_to_install()
    {
        Directory.CreateDirectory(_folder.In("data"), RestartedStandalone.OwnerOnly);
        var cluster = Directory.CreateDirectory(_folder.In("data/postgres")).FullName;
        await File.WriteAllTextAsync(Path.Combine(cluster, "PG_VERSION"), "9\n", Cancelled);
        await File.WriteAllTextAsync(
            _folder.In("data/master.key"), Convert.ToBase64String(new byte[32]), Cancelled);
        File.SetUnixFileMode(_folder.In("data/master.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);

        await AssertRefusedAsync(
            new() { ["TRACKING_DATA"] = _folder.In("data") },
            "was made by PostgreSQL 9; found here: ",
            "Install PostgreSQL 9 (");
    }

    [Theory]
    [InlineData("postgres.password", "postgres.password is missing: restore it")]
    [InlineData("master.key", "master.key is missing: restore it")]
    public async Task A_lost_secret_is_not_made_anew(string file, string expected)
    {
        var path = Path.Combine(stopped.DataFolder, file);
        File.Move(path, _folder.In(file));
        try
        {
            await AssertStoppedIsRefusedAsync([], expected);
            Assert.False(File.Exists(path));
        }
        finally
        {
            File.Move(_folder.In(file), path);
        }
    }

    private Task AssertStoppedIsRefusedAsync(Dictionary<string, string> settings, params string[] expected)
    {
        settings["TRACKING_DATA"] = stopped.DataFolder;
        return AssertRefusedAsync(settings, expected);
    }

    internal static async Task AssertRefusedAsync(Dictionary<string, string> settings, params string[] expected)
    {
        var (exitCode, output) = await StandaloneProcess.RunToEndAsync(settings, Cancelled);

        var line = Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries), l => l.Contains("cannot"));
        Assert.StartsWith("Tracking cannot start: ", line, StringComparison.Ordinal);
        Assert.All(expected, text => Assert.Contains(text, line, StringComparison.Ordinal));
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
        Assert.NotEqual(0, exitCode);
    }
}

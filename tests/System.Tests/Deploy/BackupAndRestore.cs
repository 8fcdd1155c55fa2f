using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using Npgsql;
using Tracking.Servers;

namespace Tracking.System.Tests.Deploy;

/// <summary>Runs the commands of <c>deploy/runbooks/backup-and-restore.md</c>.</summary>
public sealed partial class BackupAndRestore : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Old_links_redirect_after_everything_was_destroyed_and_restored()
    {
        var cancelled = TestContext.Current.CancellationToken;
        var ports = new Dictionary<string, string>();
        Dictionary<string, string> destinations;
        string adminKey, cluster, keys;
        int stored;
        await using (var lost = await StandaloneProcess.StartAsync(cancelled, _folder.In("lost")))
        {
            adminKey = lost.AdminKey;
            // Links contain the edge's port.
            ports["TRACKING_EDGE_PORT"] = $"{lost.Edge.Port}";
            using var api = new ApiClient(lost.Api, adminKey);
            cluster = await api.CreateClusterAsync("kept");
            var (mail, _) = await api.RewriteAsync(
                cluster, await File.ReadAllBytesAsync(Newsletters.Files[0], cancelled));
            destinations = await FollowAsync(ReadMail.Urls(mail).Where(url => url.Contains("/c/")), "before");
            stored = (await api.WaitForEventsAsync(cluster, events => events.Count >= destinations.Count)).Count;
            keys = await SigningKeysAsync(lost.DatabaseConnection);

            await RunAsync("backup", new()
            {
                ["DATABASE"] = Database(lost),
                ["BACKUP"] = _folder.In("backup"),
                ["KEYS"] = _folder.In("keys"),
                ["MASTER_KEY_FILE"] = Path.Combine(lost.DataFolder, "master.key"),
                ["ADMIN_KEY_FILE"] = Path.Combine(lost.DataFolder, "admin.key"),
            });

            // This click comes after the backup, so it is lost.
            await FollowAsync(destinations.Keys.Take(1), "after");
            await api.WaitForEventsAsync(cluster, events => events.Count > stored);
        }

        Directory.Delete(_folder.In("lost"), recursive: true);

        await RunAsync("prepare", new() { ["TRACKING_DATA"] = _folder.In("new"), ["KEYS"] = _folder.In("keys") });
        await using var restored = await StandaloneProcess.StartAsync(cancelled, _folder.In("new"), ports);
        await RunAsync("restore", new() { ["DATABASE"] = Database(restored), ["BACKUP"] = _folder.In("backup") });
        await restored.StopAsync(cancelled);
        await restored.RestartAsync(cancelled);

        Assert.Equal(keys, await SigningKeysAsync(restored.DatabaseConnection));
        Assert.Equal(adminKey, restored.AdminKey);
        Assert.Equal(destinations, await FollowAsync(destinations.Keys, "restored"));
        using var again = new ApiClient(restored.Api, adminKey);
        var events = await again.WaitForEventsAsync(cluster, e => e.Count >= stored + destinations.Count);
        Assert.Equal(
            destinations.Keys.Select((_, i) => $"before-{i}")
                .Concat(destinations.Keys.Select((_, i) => $"restored-{i}")).Order(),
            events.Select(e => e.GetProperty("userAgent").GetString()!).Order());

        // A new message is registered in the restored database, not only in memory.
        var (fresh, _) = await again.RewriteAsync(cluster, "Subject: x\r\n\r\nSee https://www.example.com/new .\r\n"u8.ToArray());
        Assert.Equal(
            "https://www.example.com/new", (await FollowAsync(ReadMail.Urls(fresh), "fresh")).Values.Single());
    }

    private static async Task<Dictionary<string, string>> FollowAsync(IEnumerable<string> links, string marker)
    {
        using var recipient = new Recipient();
        var destinations = new Dictionary<string, string>();
        foreach (var (index, link) in links.Distinct().Index())
        {
            using var response = await recipient.FetchAsync(link, $"{marker}-{index}");
            Assert.Equal(HttpStatusCode.Found, response.StatusCode);
            destinations.Add(link, response.Headers.GetValues("Location").Single());
        }

        Assert.NotEmpty(destinations);
        return destinations;
    }

    private static string Database(StandaloneProcess standalone) =>
        File.ReadAllText(Path.Combine(standalone.DataFolder, "postgres.uri")).Trim();

    private static async Task<string> SigningKeysAsync(string connection)
    {
        await using var database = NpgsqlDataSource.Create(connection);
        await using var command = database.CreateCommand(
            "SELECT string_agg(version || ' ' || encode(sealed, 'hex'), ',' ORDER BY version) FROM links.signing_keys");
        return (string)(await command.ExecuteScalarAsync())!;
    }

    private static async Task RunAsync(string block, Dictionary<string, string> variables)
    {
        var text = await File.ReadAllTextAsync(Manifests.PathOf("runbooks", "backup-and-restore.md"));
        var match = Assert.Single(Block().Matches(text), m => m.Groups[2].Value == block);
        // A code block in a list has a common indent.
        var indent = match.Groups[1].Value;
        var commands = match.Groups[3].Value.Split('\n').Select(line =>
            line.StartsWith(indent, StringComparison.Ordinal) ? line[indent.Length..] : line);
        var start = new ProcessStartInfo("bash", ["-euo", "pipefail", "-c", string.Join('\n', commands)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Eventually.Deadline);
        Assert.True(process.ExitCode == 0, $"{block} ended with {process.ExitCode}: {error}{await output}");
    }

    [GeneratedRegex("^( *)```bash ([a-z]+)\n(.*?)^ *```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}

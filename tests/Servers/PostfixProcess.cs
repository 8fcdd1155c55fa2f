using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Tracking.Servers;

/// <summary>
/// A Postfix with its own configuration, queue and log. It sees its configuration at the usual place, in its own mount
/// namespace: Postfix's privileged commands accept only that place from ordinary users. The machine's own configuration
/// is not changed.
/// </summary>
public sealed partial class PostfixProcess : IAsyncDisposable
{
    private readonly TemporaryFolder _folder;
    private readonly Process _start;

    private PostfixProcess(TemporaryFolder folder, Process start, int port) =>
        (_folder, _start, Port) = (folder, start, port);

    /// <summary>The SMTP port whose mail goes through the filter.</summary>
    public int Port { get; }

    /// <summary>The complete log.</summary>
    public string Log => File.Exists(LogIn(_folder)) ? ReadShared(LogIn(_folder)) : "";

    /// <summary>The path of the filter's program.</summary>
    public string Trackctl => _folder.In("bin/trackctl");

    /// <summary>Starts a Postfix with the filter of <c>deploy/mta/postfix.md</c>.</summary>
    /// <param name="api">The server.</param>
    /// <param name="cluster">The cluster.</param>
    /// <param name="key">A key of the cluster.</param>
    /// <param name="sinkPort">The port to which Postfix delivers.</param>
    /// <param name="milterPort">The port of the milter that signs the mail.</param>
    public static Task<PostfixProcess> StartAsync(
        Uri api, string cluster, string key, int sinkPort, int milterPort) => StartAsync(
            sinkPort,
            $"non_smtpd_milters = inet:127.0.0.1:{milterPort}\n",
            (folder, port) => $$"""
            127.0.0.1:{{port}} inet n - n - - smtpd
              -o content_filter=tracking:dummy
              -o message_size_limit=100000
            tracking unix - n n - 4 pipe
              -o soft_bounce=yes
              flags=q user=nobody null_sender=
              argv={{folder.In("bin/trackctl")}} filter --url {{api}} --cluster {{cluster}}
                --key-file {{folder.In("key")}} -f ${sender} -- ${recipient}

            """,
            folder => PrepareFilterAsync(folder, key));

    /// <summary>Starts a Postfix.</summary>
    /// <param name="sinkPort">The port to which Postfix delivers.</param>
    /// <param name="settings">Further lines of <c>main.cf</c>.</param>
    /// <param name="services">Makes the recipe's lines of <c>master.cf</c> from the folder and the port.</param>
    /// <param name="prepare">Adds further files to the folder.</param>
    public static async Task<PostfixProcess> StartAsync(
        int sinkPort,
        string settings,
        Func<TemporaryFolder, int, string> services,
        Func<TemporaryFolder, Task>? prepare = null)
    {
        var folder = new TemporaryFolder();
        var port = FreePort.Take(1)[0];
        await PrepareAsync(folder);
        if (prepare is not null)
        {
            await prepare(folder);
        }

        await WriteConfigurationAsync(folder, sinkPort, settings, services(folder, port));
        var start = new ProcessStartInfo(
            "unshare",
            [
                "--mount", "--propagation", "private", "sh", "-c",
                $"mount --bind {folder.In("etc")} /etc/postfix && exec postfix start-fg",
            ])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        var postfix = new PostfixProcess(folder, Process.Start(start)!, port);
        try
        {
            await Eventually.HoldsAsync(
                () => postfix.Log.Contains("daemon started", StringComparison.Ordinal) || postfix._start.HasExited,
                "Postfix starts",
                default);
            return postfix._start.HasExited
                ? throw new InvalidOperationException($"Postfix did not start: {postfix.Log}")
                : postfix;
        }
        catch
        {
            await postfix.DisposeAsync();
            throw;
        }
    }

    /// <summary>The process ids of the running filters.</summary>
    public IReadOnlyList<int> Filters() =>
        [.. Process.GetProcessesByName("trackctl").Where(IsOurs).Select(process => process.Id)];

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_start.HasExited)
        {
            // The server is a child in its own session. The process that started it ends with it.
            if (Master().Match(Log) is { Success: true } master)
            {
                await RunAsync("kill", "-TERM", master.Groups[1].Value);
            }

            try
            {
                await _start.WaitForExitAsync().WaitAsync(Eventually.Deadline);
            }
            catch (TimeoutException)
            {
                _start.Kill(entireProcessTree: true);
                await _start.WaitForExitAsync();
            }
        }

        _start.Dispose();
        await Eventually.HoldsAsync(TryRemove, "the last of Postfix's processes leaves its folder", default);
    }

    private bool TryRemove()
    {
        try
        {
            _folder.Dispose();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task PrepareFilterAsync(TemporaryFolder folder, string key)
    {
        await RunAsync("cp", "-r", Path.GetDirectoryName(BuiltPrograms.Cli)!, folder.In("bin"));
        await RunAsync("chmod", "-R", "a+rX", folder.In("bin"));
        await File.WriteAllTextAsync(folder.In("key"), key);
        await RunAsync("chown", "nobody", folder.In("key"));
        await RunAsync("chmod", "400", folder.In("key"));
    }

    private static async Task PrepareAsync(TemporaryFolder folder)
    {
        // Postfix's user and the filter's user must be able to enter the folder.
        await RunAsync("chmod", "755", folder.Path);
        await RunAsync("cp", "-a", "/etc/postfix", folder.In("etc"));
        Directory.CreateDirectory(folder.In("queue"));
        Directory.CreateDirectory(folder.In("data"));
        await RunAsync("chown", "postfix", folder.In("data"));
    }

    private static async Task WriteConfigurationAsync(
        TemporaryFolder folder, int sinkPort, string settings, string services)
    {
        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        await File.WriteAllTextAsync(
            folder.In("etc/main.cf"),
            $"""
            compatibility_level = 3.6
            queue_directory = {folder.In("queue")}
            data_directory = {folder.In("data")}
            maillog_file = {LogIn(folder)}
            maillog_file_prefixes = {folder.Path}
            myhostname = mta.example.com
            mydestination =
            alias_maps =
            inet_interfaces = 127.0.0.1
            inet_protocols = ipv4
            mynetworks = 127.0.0.0/8
            smtpd_relay_restrictions = permit_mynetworks, reject
            relayhost = [127.0.0.1]:{sinkPort}
            disable_dns_lookups = yes
            queue_run_delay = 1s
            minimal_backoff_time = 1s
            maximal_backoff_time = 2s
            export_environment = TZ MAIL_CONFIG LANG DOTNET_ROOT={dotnet}
            message_size_limit = 200000
            tracking_destination_recipient_limit = 1
            {settings}
            """);

        // The recipe's part, with this test's ports and paths, between the usual services.
        await File.WriteAllTextAsync(
            folder.In("etc/master.cf"),
            $$"""
            {{services}}
            pickup unix n - n 1 1 pickup
            cleanup unix n - n - 0 cleanup
            qmgr unix n - n 1 1 qmgr
            rewrite unix - - n - - trivial-rewrite
            bounce unix - - n - 0 bounce
            defer unix - - n - 0 bounce
            trace unix - - n - 0 bounce
            verify unix - - n - 1 verify
            proxymap unix - - n - - proxymap
            smtp unix - - n - - smtp
            error unix - - n - - error
            retry unix - - n - - error
            showq unix n - n - - showq
            anvil unix - - n - 1 anvil
            scache unix - - n - 1 scache
            postlog unix-dgram n - n - 1 postlogd

            """);
    }

    private bool IsOurs(Process process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.Id}/cmdline").StartsWith(Trackctl, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            // The process has ended.
            return false;
        }
    }

    private static string LogIn(TemporaryFolder folder) => folder.In("mail.log");

    private static string ReadShared(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }

    /// <summary>Runs a command that must succeed.</summary>
    /// <exception cref="InvalidOperationException">The command failed.</exception>
    public static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}");
        }
    }

    [GeneratedRegex(@"postfix/master\[([0-9]+)\]: daemon started", RegexOptions.NonBacktracking)]
    private static partial Regex Master();
}

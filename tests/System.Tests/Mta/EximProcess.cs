using Tracking.Servers;

namespace Tracking.System.Tests.Mta;

/// <summary>
/// Debian's Exim with its own configuration and spool. It sees its configuration and its user at the usual places, in
/// its own mount namespace, because a machine without the package has no such user.
/// </summary>
internal sealed class EximProcess : IDisposable
{
    // The place to which eng/prerequisites.sh unpacks the package, which cannot be installed together with Postfix.
    private const string Unpacked = "/opt/tracking-tests/exim4/usr/sbin/exim4";

    private readonly TemporaryFolder _folder;
    private readonly ServerProcess _process;

    private EximProcess(TemporaryFolder folder, ServerProcess process, int port) =>
        (_folder, _process, Port) = (folder, process, port);

    /// <summary>The SMTP port whose mail goes through the filter.</summary>
    public int Port { get; }

    /// <summary>The complete log.</summary>
    public string Log => File.Exists(_folder.In("spool/mainlog"))
        ? File.ReadAllText(_folder.In("spool/mainlog"))
        : _process.Output;

    private static string Program => File.Exists("/usr/sbin/exim4") ? "/usr/sbin/exim4" : Unpacked;

    /// <summary>Starts an Exim with the recipe of <c>deploy/mta/exim.md</c>.</summary>
    /// <param name="filterPort">The filter's port.</param>
    /// <param name="backPort">The port to which the filter passes messages.</param>
    /// <param name="sinkPort">The port to which Exim delivers.</param>
    /// <param name="dkimKey">A PEM file with the signing key.</param>
    public static async Task<EximProcess> StartAsync(int filterPort, int backPort, int sinkPort, string dkimKey)
    {
        var folder = new TemporaryFolder();
        var port = FreePort.Take(1)[0];
        await PostfixProcess.RunAsync("chmod", "755", folder.Path);
        await PostfixProcess.RunAsync("cp", "-a", "/etc", folder.In("etc"));
        Directory.CreateDirectory(folder.In("etc/exim4"));
        Directory.CreateDirectory(folder.In("spool"));
        await File.AppendAllTextAsync(
            folder.In("etc/passwd"), "Debian-exim:x:998:998::/nonexistent:/usr/sbin/nologin\n");
        await File.AppendAllTextAsync(folder.In("etc/group"), "Debian-exim:x:998:\n");
        await PostfixProcess.RunAsync("chown", "998:998", folder.In("spool"));
        File.Copy(dkimKey, folder.In("etc/exim4/dkim.pem"));
        await PostfixProcess.RunAsync("chown", "998:998", folder.In("etc/exim4/dkim.pem"));
        await File.WriteAllTextAsync(
            folder.In("etc/exim4/exim4.conf"), Configuration(folder, port, filterPort, backPort, sinkPort));
        var process = await ServerProcess.StartAsync(
            [
                "unshare", "--mount", "--propagation", "private", "sh", "-c",
                $"mount --bind {folder.In("etc")} /etc && exec {Program} -bdf -q1s",
            ],
            folder.Path,
            new Dictionary<string, string>());
        var exim = new EximProcess(folder, process, port);
        await Eventually.HoldsAsync(
            () => process.HasExited || exim.Log.Contains("daemon started", StringComparison.Ordinal),
            "Exim starts",
            TestContext.Current.CancellationToken);
        Assert.False(process.HasExited, $"Exim did not start: {process.Output}");
        return exim;
    }

    public void Dispose()
    {
        _process.Dispose();
        _folder.Dispose();
    }

    // Router and transports are the recipe's, with this test's ports.
    private static string Configuration(
        TemporaryFolder folder, int port, int filterPort, int backPort, int sinkPort) =>
        $$$"""
        exim_path = {{{Program}}}
        primary_hostname = mta.example.com
        spool_directory = {{{folder.In("spool")}}}
        log_file_path = {{{folder.In("spool/%slog")}}}
        pid_file_path = {{{folder.In("spool/exim.pid")}}}
        daemon_smtp_ports = {{{port}}} : {{{backPort}}}
        local_interfaces = 127.0.0.1
        tls_advertise_hosts =
        host_lookup =
        keep_environment =
        retry_interval_max = 1s
        acl_smtp_rcpt = accept
        acl_smtp_data = accept

        begin routers

        tracking:
          driver = manualroute
          condition = ${if !eq{$received_port}{{{{backPort}}}}}
          transport = tracking
          route_list = * 127.0.0.1
          self = send

        outgoing:
          driver = manualroute
          transport = outgoing
          route_list = * 127.0.0.1
          self = send

        begin transports

        tracking:
          driver = smtp
          port = {{{filterPort}}}
          hosts_try_fastopen =
          max_rcpt = 1
          allow_localhost

        outgoing:
          driver = smtp
          port = {{{sinkPort}}}
          hosts_try_fastopen =
          allow_localhost
          dkim_domain = example.com
          dkim_selector = test
          dkim_private_key = /etc/exim4/dkim.pem
          dkim_canon = relaxed

        begin retry

        * * F,1h,1s

        """;
}

using System.Globalization;
using System.Net;
using System.Text;

namespace Tracking.Servers;

/// <summary>An Unbound, which is a resolver that checks DNSSEC signatures, for one test: its own folder and loopback
/// port. It asks only the given name servers. It ends with the test process.</summary>
public sealed class TestUnbound : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StringBuilder _zones = new();
    private readonly StringBuilder _anchors = new();
    private ServerProcess? _server;

    /// <summary>The resolver's address.</summary>
    public IPEndPoint EndPoint { get; } = new(IPAddress.Loopback, FreePort.Take(1)[0]);

    /// <summary>Adds the name server for all names at or below a name.</summary>
    public TestUnbound Ask(string zone, params IPEndPoint[] servers)
    {
        _zones.Append(CultureInfo.InvariantCulture, $"stub-zone:\n    name: \"{zone}\"\n");
        foreach (var server in servers)
        {
            _zones.Append(CultureInfo.InvariantCulture, $"    stub-addr: {server.Address}@{server.Port}\n");
        }

        return this;
    }

    /// <summary>Adds a trusted key, as a DS record. With another zone's key all signatures are wrong.</summary>
    public TestUnbound Trust(string delegationSigner)
    {
        _anchors.Append(CultureInfo.InvariantCulture, $"    trust-anchor: \"{delegationSigner}\"\n");
        return this;
    }

    /// <summary>Starts the resolver, and waits until it runs.</summary>
    /// <exception cref="InvalidOperationException">The resolver ended.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(_folder.In("unbound.conf"), Configuration(), cancellationToken);
        _server = await ServerProcess.StartAsync(
            ["/usr/sbin/unbound", "-d", "-c", _folder.In("unbound.conf")], _folder.Path,
            new Dictionary<string, string>());
        await Eventually.HoldsAsync(
            () => _server.HasExited || _server.Output.Contains("start of service", StringComparison.Ordinal),
            "Unbound has started", cancellationToken);
        if (_server.HasExited)
        {
            throw new InvalidOperationException($"Unbound did not start:\n{_server.Output}");
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _server?.Dispose();
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    private string Configuration() => $"""
        server:
            interface: {EndPoint.Address}
            port: {EndPoint.Port}
            access-control: 127.0.0.0/8 allow
            directory: "{_folder.Path}"
            chroot: ""
            username: ""
            pidfile: ""
            logfile: ""
            use-syslog: no
            verbosity: 1
            num-threads: 1
            do-ip6: no
            do-not-query-localhost: no
            module-config: "validator iterator"
            ede: yes
        {_anchors}
        {_zones}
        remote-control:
            control-enable: no

        """;
}

using System.Globalization;
using System.Net;
using System.Text;

namespace Tracking.Servers;

/// <summary>A Knot, which is an authoritative name server, for one test: its own folder, one loopback address, zones
/// from text. It ends with the test process.</summary>
/// <param name="endPoint">The address for UDP and TCP. Servers of one zone have different addresses.</param>
public sealed class TestKnot(IPEndPoint endPoint) : IAsyncDisposable
{
    private const string TimeToLive = "$TTL 300\n";
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, bool> _zones = [];
    private int _serial;
    private ServerProcess? _server;

    /// <summary>The server's address.</summary>
    public IPEndPoint EndPoint => endPoint;

    /// <summary>Adds a zone before the start. The SOA record is made, and the others are given.</summary>
    /// <param name="name">The zone.</param>
    /// <param name="records">The records in the form of a zone file, including NS records.</param>
    /// <param name="isSigned">Whether Knot signs it (DNSSEC).</param>
    public TestKnot Add(string name, string records, bool isSigned = false)
    {
        _zones.Add(name, isSigned);
        Write(name, records);
        return this;
    }

    /// <summary>Replaces a zone's records while the server runs, and waits until the new ones are served.</summary>
    /// <param name="name">The zone, which must not be signed.</param>
    /// <param name="records">All records except SOA.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task ReplaceAsync(string name, string records, CancellationToken cancellationToken)
    {
        Write(name, records);
        using var reload = await ServerProcess.StartAsync(
            ["/usr/sbin/knotc", "-c", _folder.In("knot.conf"), "-b", "zone-reload", name],
            _folder.Path,
            new Dictionary<string, string>());
        await Eventually.HoldsAsync(() => reload.HasExited, "Knot has read the zone again", cancellationToken);
        if (reload.ExitCode != 0)
        {
            throw new InvalidOperationException($"Knot did not read the zone again:\n{reload.Output}\n{_server!.Output}");
        }
    }

    /// <summary>Starts the server, and waits until it serves all zones.</summary>
    /// <exception cref="InvalidOperationException">The server ended.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(_folder.In("knot.conf"), Configuration(), cancellationToken);
        _server = await ServerProcess.StartAsync(
            ["/usr/sbin/knotd", "-c", _folder.In("knot.conf")], _folder.Path, new Dictionary<string, string>());
        await Eventually.HoldsAsync(
            () => _server.HasExited || _server.Output.Contains("server started", StringComparison.Ordinal),
            "Knot has started", cancellationToken);
        if (_server.HasExited || _server.Output.Contains("cannot bind", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"Knot did not start:\n{_server.Output}");
        }
    }

    /// <summary>A DS record of a signed zone, for a resolver that must trust it.</summary>
    public async Task<string> DelegationSignerAsync(string zone, CancellationToken cancellationToken)
    {
        using var keymgr = await ServerProcess.StartAsync(
            ["/usr/sbin/keymgr", "-c", _folder.In("knot.conf"), zone, "ds"], _folder.Path,
            new Dictionary<string, string>());
        // The record with a digest of SHA-256: algorithm 13, digest 2.
        string? record = null;
        await Eventually.HoldsAsync(
            () => keymgr.HasExited && (record = Array.Find(
                keymgr.Output.Split('\n'), line => line.Contains(" 13 2 ", StringComparison.Ordinal))) is not null,
            "Knot tells its key", cancellationToken);
        return record!;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _server?.Dispose();
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Write(string name, string records) => File.WriteAllText(
        FileOf(name),
        $"$ORIGIN {name.TrimEnd('.')}.\n{TimeToLive}@ SOA ns1 host {++_serial} 3600 600 86400 60\n{records}\n");

    private string FileOf(string zone) => _folder.In($"{(zone == "." ? "root" : zone)}.zone");

    private string Configuration()
    {
        var text = new StringBuilder().Append(
            CultureInfo.InvariantCulture,
            $"""
             server:
                 rundir: {_folder.Path}
                 listen: {endPoint.Address}@{endPoint.Port}
                 udp-workers: 1
                 tcp-workers: 1
                 background-workers: 1
             log:
               - target: stderr
                 any: info
             database:
                 storage: {_folder.Path}
             policy:
               - id: one-key
                 algorithm: ecdsap256sha256
                 single-type-signing: on
             zone:

             """);
        foreach (var (zone, isSigned) in _zones)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"  - domain: {zone}\n    file: {FileOf(zone)}\n    zonefile-sync: -1\n    journal-content: none\n");
            if (isSigned)
            {
                text.Append("    dnssec-signing: on\n    dnssec-policy: one-key\n");
            }
        }

        return text.ToString();
    }
}

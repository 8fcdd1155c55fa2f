using System.Globalization;
using Tracking.Servers;

namespace Tracking.System.Tests.Mta;

/// <summary>The service with SMTP filter and milter as a separate process, with a Standalone for API, edge and
/// database, a signer and a mailbox.</summary>
public sealed class DoorsOfTracking : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly int[] _ports = FreePort.Take(3);
    private StandaloneProcess? _standalone;
    private ServiceProcess? _doors;
    private ApiClient? _api;
    private SmtpSink? _sink;
    private SigningMilter? _signer;

    /// <summary>The port of the SMTP filter.</summary>
    internal int SmtpPort => _ports[0];

    /// <summary>The port to which the SMTP filter passes messages.</summary>
    internal int BackPort => _ports[1];

    /// <summary>The port of the milter.</summary>
    internal int MilterPort => _ports[2];

    /// <summary>The port of OpenDKIM.</summary>
    internal int SignerPort => _signer!.Port;

    /// <summary>The mailbox.</summary>
    internal SmtpSink Sink => _sink!;

    /// <summary>The process with SMTP filter and milter.</summary>
    internal ServiceProcess Doors => _doors!;

    /// <summary>The API.</summary>
    internal ApiClient Api => _api!;

    /// <summary>The cluster that sends for <c>example.com</c>.</summary>
    internal string Cluster { get; private set; } = "";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _standalone = await StandaloneProcess.StartAsync(CancellationToken.None);
        _api = new ApiClient(_standalone.Api, _standalone.AdminKey);
        Cluster = await _api.CreateClusterAsync(
            "doors", "example.com", "example.org");
        _sink = new SmtpSink();
        _signer = await SigningMilter.StartAsync(CancellationToken.None);
        _doors = StartDoors(_folder, new Dictionary<string, string>
        {
            ["Tracking__SmtpFilter__Listen"] = $"127.0.0.1:{SmtpPort}",
            ["Tracking__SmtpFilter__NextHop"] = $"127.0.0.1:{BackPort}",
            ["Tracking__SmtpFilter__Name"] = "filter.example.org",
            ["Tracking__Milter__Listen"] = $"127.0.0.1:{MilterPort}",
        });
        await _doors.StartAsync(CancellationToken.None);
    }

    /// <summary>Another such process, not started yet.</summary>
    internal ServiceProcess StartDoors(TemporaryFolder folder, IReadOnlyDictionary<string, string> settings)
    {
        var environment = new Dictionary<string, string>(settings)
        {
            ["ConnectionStrings__tracking"] = _standalone!.DatabaseConnection,
            ["Tracking__MasterKeyFile"] = Path.Combine(_standalone.DataFolder, "master.key"),
            ["Tracking__SystemHost"] = "track.localhost",
            ["Tracking__SystemScheme"] = "http",
            ["Tracking__SystemPort"] = _standalone.Edge.Port.ToString(CultureInfo.InvariantCulture),
        };
        return new ServiceProcess("SmtpFilter", "smtpfilter", folder.Path, environment);
    }

    /// <summary>The messages that arrived for recipients.</summary>
    internal IReadOnlyList<ReceivedMail> For(params IReadOnlyCollection<string> recipients) =>
        [.. Sink.Received.Where(mail => mail.Recipients.Any(recipients.Contains))];

    /// <summary>Waits until each recipient has a message.</summary>
    /// <param name="log">The MTA's log, for the failure.</param>
    /// <param name="recipients">The recipients.</param>
    internal async Task<IReadOnlyList<ReceivedMail>> ArrivedAsync(
        Func<string> log, params IReadOnlyCollection<string> recipients)
    {
        try
        {
            await Eventually.HoldsAsync(
                () => recipients.All(recipient => For(recipient).Count > 0),
                $"{recipients.Count} messages arrive",
                Cancelled,
                Eventually.Deadline * 2);
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{exception.Message}\n{log()}\n{Doors.Output}", exception);
        }

        return For(recipients);
    }

    public async ValueTask DisposeAsync()
    {
        _doors?.Dispose();
        _signer?.Dispose();
        if (_sink is not null)
        {
            await _sink.DisposeAsync();
        }

        _api?.Dispose();
        if (_standalone is not null)
        {
            await _standalone.DisposeAsync();
        }

        _folder.Dispose();
    }
}

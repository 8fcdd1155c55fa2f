using System.Net;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Rewrite.Doors;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Milter.Sessions;

/// <summary>Listens for MTAs while the process runs.</summary>
internal sealed partial class ServeMilter : IHostedService, IDisposable
{
    // This machine, over IPv4 and IPv6.
    private static readonly string[] _thisMachine = ["127.0.0.0/8", "::1"];

    private readonly MilterOptions _options;
    private readonly AcceptMtas _accept;
    private readonly ILogger<ServeMilter> _logger;

    public ServeMilter(
        TrackMail track, DoorTelemetry telemetry, IOptions<MilterOptions> options, ILogger<ServeMilter> logger)
    {
        (_options, _logger) = (options.Value, logger);
        var bytes = new MessageBytes(_options.MaxBytesAtOnce);
        _accept = new AcceptMtas(
            new AddressRanges(_options.Clients.Count > 0 ? _options.Clients : _thisMachine),
            _options.MaxConnections,
            async (connection, cancellationToken) =>
            {
                telemetry.Connected(MilterSession.Door);
                await using var session = new MilterSession(connection, track, bytes, telemetry, _options, logger);
                await session.RunAsync(cancellationToken);
            },
            logger);
    }

    /// <summary>The address, once it listens.</summary>
    public EndPoint? Address => _accept.Address;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (DoorAddress.TryParse(_options.Listen, out var address))
        {
            _accept.Start(address, "Tracking__Milter__Listen");
            LogListens(Address!);
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => _accept.StopAsync(cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _accept.Dispose();

    [LoggerMessage(Level = LogLevel.Information, Message = "Serves MTAs as a milter at {Address}")]
    private partial void LogListens(EndPoint address);
}

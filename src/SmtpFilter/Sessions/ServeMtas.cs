using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Rewrite.Doors;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.SmtpFilter.Sessions;

/// <summary>Listens for MTAs while the process runs.</summary>
internal sealed partial class ServeMtas : IHostedService, IDisposable
{
    // This machine, over IPv4 and IPv6.
    private static readonly string[] _thisMachine = ["127.0.0.0/8", "::1"];

    private readonly SmtpFilterOptions _options;
    private readonly ReadCertificate _certificate;
    private readonly AcceptMtas _accept;
    private readonly ILogger<ServeMtas> _logger;

    public ServeMtas(
        TrackMail track,
        DoorTelemetry telemetry,
        IOptions<SmtpFilterOptions> options,
        TimeProvider time,
        ILogger<ServeMtas> logger)
    {
        (_options, _logger) = (options.Value, logger);
        _certificate = new ReadCertificate(_options);
        var bytes = new MessageBytes(_options.MaxBytesAtOnce);
        _accept = new AcceptMtas(
            new AddressRanges(_options.Clients.Count > 0 ? _options.Clients : _thisMachine),
            _options.MaxConnections,
            async (connection, cancellationToken) =>
            {
                telemetry.Connected(FilterSession.Door);
                await using var session = new FilterSession(
                    connection, track, bytes, _certificate, telemetry, _options, time, logger);
                await session.RunAsync(cancellationToken);
            },
            logger);
    }

    /// <summary>The address, once it listens.</summary>
    public System.Net.EndPoint? Address => _accept.Address;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (DoorAddress.TryParse(_options.Listen, out var address))
        {
            if (_certificate.Exists)
            {
                _certificate.Current();
            }

            _accept.Start(address, "Tracking__SmtpFilter__Listen");
            LogListens(Address!, _options.NextHop!);
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => _accept.StopAsync(cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _accept.Dispose();

    [LoggerMessage(Level = LogLevel.Information, Message = "Takes messages at {Address} and hands them to {NextHop}")]
    private partial void LogListens(System.Net.EndPoint address, string nextHop);
}

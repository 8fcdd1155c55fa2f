using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Tls.Certificates;

/// <summary>Reads the sealed copy before the first connection is accepted, and writes it when certificates have
/// changed. A missing copy is no fault.</summary>
internal sealed partial class KeepSealedCopy(
    SelectCertificate certificates,
    IOptions<TlsOptions> options,
    IOptions<SystemOptions> system,
    TimeProvider time,
    ILogger<KeepSealedCopy> logger) : BackgroundService
{
    // The pause between two writes. A certificate that came within the pause is missing after a restart and is read
    // from the database.
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(10);

    // No version of the certificates in memory has this number.
    private const long Never = -1;

    private MasterKey? _master;
    private SealedCopy? _copy;
    private long _written;

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.CopyFile is not { Length: > 0 } path)
        {
            return Task.CompletedTask;
        }

        _master = OpenMasterKey.From(system.Value);
        _copy = new SealedCopy(path, _master);
        try
        {
            certificates.Restore(_copy.Read());
            if (_copy.IsUnderOther)
            {
                _written = Never;
            }
        }
        catch (Exception exception) when (
            exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            LogNotRead(path, exception.Message);
        }

        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Write();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _master?.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_pause, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                Write();
            }
        }
        catch (OperationCanceledException)
        {
            // The process stops.
        }
    }

    private void Write()
    {
        var version = certificates.Version;
        if (_copy is null || version == _written)
        {
            return;
        }

        try
        {
            _copy.Write(certificates.MostRecent(options.Value.MaxCopied));
            _written = version;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogNotWritten(options.Value.CopyFile!, exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The copy of certificates {Path} could not be read: {Reason}")]
    private partial void LogNotRead(string path, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "The copy of certificates {Path} could not be written: {Reason}")]
    private partial void LogNotWritten(string path, string reason);
}

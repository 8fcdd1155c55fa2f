using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>
/// Reads <see cref="ClusterDirectory"/> again, and <see cref="SigningKeyRing"/> and <see cref="SystemHostCertificate"/>
/// if the service has them: at start, on <see cref="RequestNow"/> (after a message of the bus), and every
/// <see cref="SystemOptions.DirectoryRefresh"/>.
/// </summary>
public sealed partial class RefreshDirectories(
    ClusterDirectory clusters,
    IOptions<SystemOptions> options,
    TimeProvider time,
    ILogger<RefreshDirectories> logger,
    SigningKeyRing? keys = null,
    DirectoryTelemetry? telemetry = null,
    SystemHostCertificate? systemHost = null) : BackgroundService
{
    // Never read: the container creates the meters because this class asks for them.
    private readonly DirectoryTelemetry? _telemetry = telemetry;
    private IReadOnlyList<(int Version, KeyFault Fault)> _told = [];
    private readonly SemaphoreSlim _requested = new(0, 1);
    private readonly ConcurrentDictionary<ClusterId, bool> _defaults = new();
    private volatile bool _isAllRequested;
    private long _toldAt = DateTimeOffset.MinValue.UtcTicks;

    /// <summary>The time of the last announced change. Data that was read before may be outdated.</summary>
    public DateTimeOffset ToldAt => new(Interlocked.Read(ref _toldAt), TimeSpan.Zero);

    /// <summary>Requests a read as soon as possible. Several requests before the read count as one.</summary>
    public void RequestNow()
    {
        Interlocked.Exchange(ref _toldAt, time.GetUtcNow().UtcTicks);
        _isAllRequested = true;
        Wake();
    }

    /// <summary>Requests a read of one default tracking domain: that of the cluster whose domain has changed.</summary>
    public void RequestDefault(HostChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        if (change.Cluster is not { } cluster)
        {
            RequestNow();
            return;
        }

        _defaults.TryAdd(cluster, true);
        Wake();
    }

    private void Wake()
    {
        try
        {
            _requested.Release();
        }
        catch (SemaphoreFullException)
        {
            // An earlier request is still waiting. Its read will include this change.
        }
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // The start waits for the first read, so that a ready process knows its clusters if the database answers.
        await RefreshAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);

            // One pause for all that is asked meanwhile: changes of single domains, however many, do not put off the
            // reading of everything, which has what no announcement told.
            var elapsed = Task.Delay(options.Value.DirectoryRefresh, time, pause.Token);
            while (await IsAskedBeforeAsync(elapsed, stoppingToken) && !_isAllRequested)
            {
                await RefreshDefaultsAsync(stoppingToken);
            }

            await pause.CancelAsync();
            if (!stoppingToken.IsCancellationRequested)
            {
                await RefreshAsync(stoppingToken);
            }
        }
    }

    private async Task<bool> IsAskedBeforeAsync(Task elapsed, CancellationToken stoppingToken)
    {
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        await Task.WhenAny(_requested.WaitAsync(wait.Token), elapsed);
        await wait.CancelAsync();
        return !elapsed.IsCompleted && !stoppingToken.IsCancellationRequested;
    }

    private async Task RefreshDefaultsAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var (cluster, _) in _defaults)
            {
                // Removed before the read, so that a later change is read again.
                _defaults.TryRemove(cluster, out _);
                await clusters.RefreshDefaultAsync(cluster, cancellationToken);
            }
        }
        catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
        {
            // The next read of all clusters includes these domains.
            LogDatabaseAway(exception.Message);
        }
    }

    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        _isAllRequested = false;
        _defaults.Clear();
        try
        {
            // The reads are independent: an unreadable table does not stop the reads of the others.
            await Task.WhenAll(
                keys is null ? Task.CompletedTask : RefreshKeysAsync(keys, cancellationToken),
                systemHost?.RefreshAsync(cancellationToken) ?? Task.CompletedTask,
                clusters.RefreshAsync(cancellationToken));
        }
        catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
        {
            LogDatabaseAway(exception.Message);
        }
    }

    private async Task RefreshKeysAsync(SigningKeyRing keys, CancellationToken cancellationToken)
    {
        try
        {
            await keys.RefreshAsync(cancellationToken);
        }
        catch (WrongMasterKeyException exception)
        {
            LogWrongMasterKey(exception.Message);
            throw;
        }

        // Each fault is logged once, not at every refresh.
        var faults = keys.Faults;
        if (!faults.SequenceEqual(_told))
        {
            foreach (var (version, fault) in faults.Except(_told))
            {
                LogKeyFault(version, fault switch
                {
                    KeyFault.Unreadable => "cannot be opened: it is damaged, or was sealed under another master key",
                    KeyFault.Missing => "is missing from links.signing_keys",
                    KeyFault.NoKey => "is missing from links.signing_keys: it is the first, and the migrator makes it",
                    _ => "was replaced in links.signing_keys by another key with the same version",
                });
            }

            if (faults.Count == 0)
            {
                LogKeysWell();
            }

            _told = faults;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The database is away. Clusters and signing keys are used as they were last read: {Reason}")]
    private partial void LogDatabaseAway(string reason);

    [LoggerMessage(
        Level = LogLevel.Critical,
        Message = "Signing key version {Version} {Fault}. Processes that read this key before still verify its links. "
            + "Processes that start now cannot verify them. See deploy/runbooks/signing-keys.md")]
    private partial void LogKeyFault(int version, string fault);

    [LoggerMessage(Level = LogLevel.Information, Message = "All signing keys are in links.signing_keys again")]
    private partial void LogKeysWell();

    [LoggerMessage(Level = LogLevel.Critical, Message = "{Reason}")]
    private partial void LogWrongMasterKey(string reason);
}

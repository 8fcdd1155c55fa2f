using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>
/// Checks due tracking domains, a bounded number at a time. Names are leased from the database for the free places
/// only, so no name waits in memory. One cluster gets at most its share of the places. Due names are read every second
/// and on a call.
/// </summary>
internal sealed partial class RecheckDomains(
    ClaimDomains claim,
    VerifyLeasedDomain verify,
    DomainsWaiting waiting,
    VerifierTelemetry telemetry,
    IOptions<VerifierOptions> options,
    TimeProvider time,
    ILogger<RecheckDomains> logger) : BackgroundService
{
    // The longest wait for giving back leases at a stop. A lease that is not given back ends by itself.
    private static readonly TimeSpan _longestGivingBack = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<ClusterId, int> _inWork = new();
    private readonly SemaphoreSlim _places = new(options.Value.ChecksAtOnce, options.Value.ChecksAtOnce);
    private bool _isAnyFull;

    /// <summary>Leases names that are due and begins to check them.</summary>
    /// <param name="cancellationToken">Ends the checks. Leases are given back.</param>
    /// <returns>Whether more names may be due, because every free place was filled.</returns>
    public async Task<bool> BeginAsync(CancellationToken cancellationToken)
    {
        await _places.WaitAsync(cancellationToken);
        var free = 1;
        while (await _places.WaitAsync(0, CancellationToken.None))
        {
            free++;
        }

        var begun = 0;
        try
        {
            var round = await claim.RunAsync(free, _inWork, cancellationToken);
            Volatile.Write(ref _isAnyFull, round.Full.Count > 0);
            foreach (var domain in round.Taken)
            {
                begun++;
                _inWork.AddOrUpdate(domain.Cluster, 1, static (_, checks) => checks + 1);
                _ = RunAsync(domain, cancellationToken);
            }

            // Checks may have ended while names were leased, and their call for new names may have been missed.
            if (round.Full.Any(cluster => HasRoom(_inWork.GetValueOrDefault(cluster))))
            {
                CallOnce();
            }
        }
        finally
        {
            if (begun < free)
            {
                _places.Release(free - begun);
            }
        }

        return begun == free;
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        for (var place = 0; place < options.Value.ChecksAtOnce; place++)
        {
            await _places.WaitAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _places.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await BeginAsync(stoppingToken))
                {
                    continue;
                }
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogNotTaken(exception.Message);
            }

            await waiting.WaitAsync(options.Value.LookInterval, time, stoppingToken);
        }
    }

    private async Task RunAsync(LeasedDomain domain, CancellationToken cancellationToken)
    {
        try
        {
            await verify.RunAsync(domain, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await GiveBackAsync(domain, null);
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception))
        {
            // The lease is not given back. It ends by itself, when the database may be back.
            telemetry.Fault("store-away");
            LogStoreAway(domain.Host, exception.Message);
        }
#pragma warning disable CA1031 // One name must not end the checks of all others. The fault is counted and logged.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            telemetry.Fault(exception is TimeoutException ? "too-long" : "fault");
            LogFault(exception, domain.Host, options.Value.FirstRetry);
            await GiveBackAsync(domain, time.GetUtcNow() + options.Value.FirstRetry);
        }
        finally
        {
            Leave(domain.Cluster);
            _places.Release();
        }
    }

    private void Leave(ClusterId cluster)
    {
        var left = _inWork.AddOrUpdate(cluster, 0, static (_, checks) => checks - 1);
        if (left == 0)
        {
            // The count is removed only while it is 0.
            _inWork.TryRemove(new(cluster, 0));
        }

        if (HasRoom(left))
        {
            CallOnce();
        }
    }

    // The cluster's names are leased several at a time.
    private bool HasRoom(int inWork) => inWork <= options.Value.ChecksAtOnceOfCluster / 2;

    // Names of a cluster with a full share could not be leased. They are read again when the cluster has room.
    private void CallOnce()
    {
        if (Interlocked.Exchange(ref _isAnyFull, false))
        {
            waiting.Call();
        }
    }

    private async Task GiveBackAsync(LeasedDomain domain, DateTimeOffset? notBefore)
    {
        using var limit = new CancellationTokenSource(_longestGivingBack);
        try
        {
            await claim.GiveBackAsync(domain, notBefore, limit.Token);
        }
        catch (Exception exception)
            when (exception is OperationCanceledException || StoreAway.FaultOf(exception) != StoreFault.None)
        {
            LogStoreAway(domain.Host, exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Tracking domains that are due could not be read: {Reason}")]
    private partial void LogNotTaken(string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The check of {Host} could not be stored. It is made again when its lease ends: {Reason}")]
    private partial void LogStoreAway(HostName host, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The check of {Host} failed. The next attempt is in {Pause}")]
    private partial void LogFault(Exception exception, HostName host, TimeSpan pause);
}

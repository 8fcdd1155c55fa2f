using Microsoft.Extensions.Options;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Issuance;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Certificates.Renewal;

/// <summary>
/// Works on every name that is due, on a bounded number at a time: names that were just verified, interrupted orders,
/// retries, questions about renewal, and renewals. Due names are read every second and on a call.
/// </summary>
internal sealed partial class RenewCertificates(
    ClaimNames claim,
    IssueCertificate issue,
    KeepCertificate keep,
    AskRenewal ask,
    OwnHosts own,
    FollowDomains follow,
    NamesWaiting waiting,
    OpenAccounts accounts,
    TellGateways tell,
    PruneTimeline prune,
    MeasureCertificates measure,
    IOptions<CertificateOptions> options,
    TimeProvider time,
    ILogger<RenewCertificates> logger) : BackgroundService
{
    /// <summary>How long after the issue of a certificate its authority is first asked for the renewal
    /// window.</summary>
    public static readonly TimeSpan FirstQuestion = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan _openingPause = TimeSpan.FromMinutes(1);

    private DateTimeOffset _nextOpening;
    private readonly SemaphoreSlim _places = new(options.Value.OrdersAtOnce, options.Value.OrdersAtOnce);

    /// <summary>Works on one name.</summary>
    /// <param name="name">The name, leased.</param>
    /// <param name="cancellationToken">Ends it between two steps.</param>
    public async Task WorkAsync(LeasedName name, CancellationToken cancellationToken)
    {
        if (!name.IsWanted)
        {
            // The certificate is kept until it expires, because the same cluster may verify the name again.
            await claim.GiveBackAsync(name, cancellationToken);
            return;
        }

        var now = time.GetUtcNow();
        var current = name.Own;

        // A domain that was deleted and added again has a new row without a certificate.
        var isKnown = name.Cluster is null || name.CertificateUntil == current?.NotAfter;
        if ((current is null || current.NotAfter <= now || !isKnown) && name.Order is null
            && await keep.AdoptAsync(name, cancellationToken) is { } kept)
        {
            LogAdopted(name.Host);
            tell.OfCertificate(name, kept.NotAfter);
            return;
        }

        if (current is not null && name.Order is null && current.NotAfter > now
            && name.RenewAt is { } renewAt && renewAt > now)
        {
            await ask.RunAsync(name, current, renewAt, cancellationToken);
            return;
        }

        await issue.RunAsync(name, cancellationToken);
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
        if (options.Value.Authorities.Count == 0)
        {
            LogNone();
            return;
        }

        try
        {
            await LookAsync(stoppingToken);
        }
        finally
        {
            // Work in progress ends between two steps and gives its lease back.
            for (var place = 0; place < options.Value.OrdersAtOnce; place++)
            {
                await _places.WaitAsync(CancellationToken.None);
            }
        }
    }

    private async Task LookAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await follow.RunAsync(stoppingToken);
                await OpenAccountsAsync(stoppingToken);
                await prune.RunAsync(stoppingToken);
                await measure.RunAsync(stoppingToken);
                if (await BeginAsync(stoppingToken))
                {
                    continue;
                }
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogStoreAway(exception.Message);
            }

            await waiting.WaitAsync(options.Value.LookInterval, time, stoppingToken);
        }
    }

    // Gateways answer challenges with the account's thumbprint, so the account has to exist before the first order. An
    // authority that is away does not delay the other authorities.
    private async Task OpenAccountsAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (now < _nextOpening)
        {
            return;
        }

        _nextOpening = now + _openingPause;
        foreach (var authority in options.Value.Authorities)
        {
            await accounts.ReviseAsync(authority.Directory, cancellationToken);
            await accounts.OpenAsync(authority, cancellationToken);
        }
    }

    private async Task<bool> BeginAsync(CancellationToken cancellationToken)
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
            foreach (var name in await claim.RunAsync(free, own.Names, cancellationToken))
            {
                begun++;
                _ = RunAsync(name, cancellationToken);
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

    private async Task RunAsync(LeasedName name, CancellationToken cancellationToken)
    {
        try
        {
            await WorkAsync(name, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await ReleaseAsync(name);
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception))
        {
            LogStoreAway(exception.Message);
        }
#pragma warning disable CA1031 // One name must not end the renewals of all others. The fault is logged.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogFault(exception, name.Host);
        }
        finally
        {
            _places.Release();
        }
    }

    // The process stops. Another process, or this one after its restart, continues at once.
    private async Task ReleaseAsync(LeasedName name)
    {
        try
        {
            await claim.ReleaseAsync(name, CancellationToken.None);
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception))
        {
            LogStoreAway(exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Information, "No certificate authority is configured; no certificates are ordered")]
    private partial void LogNone();

    [LoggerMessage(LogLevel.Information, "The certificate of {Host} that was kept is in use again")]
    private partial void LogAdopted(HostName host);

    [LoggerMessage(LogLevel.Warning, "Work on certificates waits, because the database is away: {Reason}")]
    private partial void LogStoreAway(string reason);

    [LoggerMessage(LogLevel.Error, "Work on the certificate of {Host} failed; it goes on when the lease ends")]
    private partial void LogFault(Exception exception, HostName host);
}

using Microsoft.Extensions.Options;
using Tracking.Database;

namespace Tracking.Certificates.Requests;

/// <summary>Carries out requests that people make by API and <c>trackctl</c>. The database is the queue, because only
/// this service speaks to authorities, and it has no API of its own.</summary>
internal sealed partial class CarryOutRequests(
    StoreRequests store,
    RegisterAccounts register,
    ChangeAccountKey changeKey,
    TestName test,
    RevokeCertificate revoke,
    IOptions<CertificateOptions> options,
    TimeProvider time,
    ILogger<CarryOutRequests> logger) : BackgroundService
{
    // A test waits for an authority, so several requests run at the same time.
    private const int AtOnce = 2;

    /// <summary>Carries out one request that is due.</summary>
    /// <returns>Whether a request was due.</returns>
    public async Task<bool> RunOneAsync(CancellationToken cancellationToken)
    {
        if (await store.ClaimAsync(cancellationToken) is not { } request)
        {
            return false;
        }

        try
        {
            var outcome = await CarryOutAsync(request, cancellationToken);
            await store.EndAsync(request, outcome, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await ReleaseAsync(request);
            throw;
        }

        return true;
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => LookAsync(stoppingToken)));

    private async Task LookAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await RunOneAsync(stoppingToken))
                {
                    continue;
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception) when (StoreAway.IsOrUnfit(exception))
            {
                LogStoreAway(exception.Message);
            }
#pragma warning disable CA1031 // One request must not end all others. The fault is logged.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                LogFault(exception);
            }

            await Task.Delay(options.Value.LookInterval, time, stoppingToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task<RequestOutcome> CarryOutAsync(CertificateRequest request, CancellationToken cancellationToken) =>
        request.Kind switch
        {
            RequestKind.Register => register.RunAsync(request, cancellationToken),
            RequestKind.ChangeKey => changeKey.RunAsync(request, cancellationToken),
            RequestKind.Test => test.RunAsync(request, cancellationToken),
            RequestKind.Revoke => revoke.RunAsync(request, cancellationToken),
            _ => Task.FromResult(RequestOutcome.Done(false)),
        };

    // The process stops. Another process, or this one after its restart, begins at once.
    private async Task ReleaseAsync(CertificateRequest request)
    {
        try
        {
            await store.ReleaseAsync(request, CancellationToken.None);
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception))
        {
            LogStoreAway(exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Requests about certificates wait, because the database is away: {Reason}")]
    private partial void LogStoreAway(string reason);

    [LoggerMessage(LogLevel.Error, "A request about certificates failed. It is carried out again when its lease ends")]
    private partial void LogFault(Exception exception);
}

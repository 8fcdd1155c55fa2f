using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.ServiceDefaults.Hosting;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>Wakes the loop that visits endpoints.</summary>
internal sealed class WebhooksWaiting : CallToWork;

/// <summary>
/// Visits endpoints with due deliveries, a limited number at a time. Slow and failing endpoints have their own places:
/// no matter how many there are, the other endpoints do not wait for them.
/// </summary>
internal sealed partial class VisitEndpoints(
    ClaimEndpoints claim,
    DeliverWebhook deliver,
    KnownEndpoints endpoints,
    OpenSecrets secrets,
    WebhooksWaiting waiting,
    IOptions<WebhookOptions> options,
    TimeProvider time,
    ILogger<VisitEndpoints> logger) : BackgroundService
{
    // The number of endpoints that one statement leases: large enough that the cost of the statement does not matter,
    // and small enough that each leased endpoint is visited soon.
    private const int MostAtOnce = 64;

    private readonly Lane _usual = new(options.Value.EndpointsAtOnce, AreSlow: false);
    private readonly Lane _slow = new(options.Value.SlowEndpointsAtOnce, AreSlow: true);
    private bool _isKeyless;

    /// <summary>Leases endpoints with due deliveries and begins to visit them.</summary>
    /// <param name="stopping">When cancelled, no further request begins.</param>
    /// <returns>The visits that were begun, and whether there may be more endpoints.</returns>
    /// <exception cref="Npgsql.NpgsqlException">The database is unavailable.</exception>
    public async Task<(List<Task> Visits, bool MayBeMore)> BeginAsync(CancellationToken stopping)
    {
        var visits = new List<Task>();
        var mayBeMore = false;
        foreach (var lane in (Lane[])[_usual, _slow])
        {
            var free = Math.Min(lane.Places.CurrentCount, MostAtOnce);
            if (free == 0)
            {
                continue;
            }

            // Only this loop takes places, so the free places stay free.
            var taken = await claim.RunAsync(free, lane.AreSlow, stopping);
            foreach (var endpoint in taken)
            {
                await lane.Places.WaitAsync(CancellationToken.None);
                visits.Add(VisitAsync(endpoint, lane, stopping));
            }

            mayBeMore |= taken.Count == free;
        }

        return (visits, mayBeMore);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        foreach (var lane in (Lane[])[_usual, _slow])
        {
            for (var place = 0; place < lane.Size; place++)
            {
                await lane.Places.WaitAsync(cancellationToken);
            }
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _usual.Places.Dispose();
        _slow.Places.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (secrets.CanOpen && (await BeginAsync(stoppingToken)).MayBeMore)
                {
                    continue;
                }

                TellOfMissingKey();
            }
            catch (Exception exception) when (StoreAway.FaultOf(exception) != StoreFault.None)
            {
                LogNotTaken(exception.Message);
            }

            await waiting.WaitAsync(options.Value.LookInterval, time, stoppingToken);
        }
    }

    private void TellOfMissingKey()
    {
        if (!secrets.CanOpen && endpoints.Any && !_isKeyless)
        {
            _isKeyless = true;
            LogKeyless();
        }
    }

    private async Task VisitAsync(LeasedEndpoint endpoint, Lane lane, CancellationToken stopping)
    {
        try
        {
            if (await deliver.RunAsync(endpoint, stopping))
            {
                waiting.Call();
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Nothing was sent; the lease expires.
        }
        catch (Exception exception) when (StoreAway.IsOrUnfit(exception))
        {
            // The lease ends at a time when the database may be available again.
            LogNotKept(endpoint.Id, exception.Message);
        }
#pragma warning disable CA1031 // One endpoint must not stop the others: it is tried again when its lease ends.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogFault(exception, endpoint.Id);
        }
        finally
        {
            lane.Places.Release();
        }
    }

    [LoggerMessage(LogLevel.Warning, "The due webhooks could not be read: {Reason}")]
    private partial void LogNotTaken(string reason);

    [LoggerMessage(
        LogLevel.Warning, "Attempts at webhook {Endpoint} were not stored; the deliveries are sent again: {Reason}")]
    private partial void LogNotKept(Guid endpoint, string reason);

    [LoggerMessage(LogLevel.Error, "The visit of webhook {Endpoint} failed; it is tried again when its lease ends")]
    private partial void LogFault(Exception exception, Guid endpoint);

    [LoggerMessage(LogLevel.Error, "Webhooks are not delivered: this process has no master key (Tracking__MasterKey), "
        + "with which their secrets are sealed. The deliveries wait")]
    private partial void LogKeyless();

    private sealed record Lane(int Size, bool AreSlow)
    {
        public SemaphoreSlim Places { get; } = new(Size, Size);
    }
}

using Microsoft.Extensions.Diagnostics.HealthChecks;
using Tracking.RedirectEdge.Events;
using Tracking.RedirectEdge.Hosts;

namespace Tracking.RedirectEdge;

/// <summary>Ready: hosts and keys are known, from the database or from the copy, and the spool takes events.</summary>
internal sealed class EdgeReady(HostDirectory hosts, EventSpool spool) : IHealthCheck
{
    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(
            !hosts.IsLoaded ? HealthCheckResult.Unhealthy("Hosts and keys have not been read yet.")
            : !spool.IsWritable ? HealthCheckResult.Degraded("The spool cannot be written: events are being lost.")
            : HealthCheckResult.Healthy());
}

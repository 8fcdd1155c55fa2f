using Microsoft.Extensions.Diagnostics.HealthChecks;
using Tracking.RedirectEdge.Events;
using Tracking.RedirectEdge.Hosts;

namespace Tracking.RedirectEdge;

/// <summary>The edge is ready when hosts and keys are known, from the database or from the copy, and the spool accepts
/// events.</summary>
internal sealed class EdgeReady(HostDirectory hosts, EventSpool spool) : IHealthCheck
{
    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(
            !hosts.IsLoaded ? HealthCheckResult.Unhealthy("The edge has not read hosts and keys yet.")
            : !spool.IsWritable ? HealthCheckResult.Degraded("The spool cannot be written: events are being lost.")
            : HealthCheckResult.Healthy());
}

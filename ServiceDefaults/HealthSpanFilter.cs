using System.Diagnostics;
using OpenTelemetry;

namespace Tracking.ServiceDefaults;

/// <summary>
/// Takes health requests out of the traces. Done when the span starts, so that what happens inside it (the database's
/// ping) sees an unsampled parent and is left out by the parent-based samplers too.
/// </summary>
internal sealed class HealthSpanFilter : BaseProcessor<Activity>
{
    public override void OnStart(Activity data)
    {
        if (data.Kind == ActivityKind.Server
            && data.GetTagItem("url.path") is string path
            && path.StartsWith(HealthEndpoints.PathPrefix, StringComparison.OrdinalIgnoreCase))
        {
            data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
            data.IsAllDataRequested = false;
        }
    }
}

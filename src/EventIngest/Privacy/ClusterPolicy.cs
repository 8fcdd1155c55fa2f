using Tracking.Database.Entities;

namespace Tracking.EventIngest.Privacy;

/// <summary>What may be kept of an event of one cluster, and for how long.</summary>
/// <param name="Address">How much of the client's address.</param>
/// <param name="IsAnonymous">Neither address nor user agent, whatever <paramref name="Address"/> says.</param>
/// <param name="RetentionMonths">Events older than this are refused.</param>
internal sealed record ClusterPolicy(AddressPolicy Address, bool IsAnonymous, int RetentionMonths)
{
    /// <summary>For events whose cluster cannot be known: nothing personal is kept.</summary>
    public static ClusterPolicy Strictest { get; } = new(AddressPolicy.None, IsAnonymous: true, 0);

    /// <summary>The policy that a cluster's settings ask for. Level <see cref="TrackingLevel.None"/> stops new links;
    /// old ones go on being counted, without a trace of who followed them.</summary>
    public static ClusterPolicy From(ClusterSettings settings) => new(
        settings.AddressPolicy,
        settings.TrackingLevel != TrackingLevel.Full,
        settings.RetentionMonths);
}

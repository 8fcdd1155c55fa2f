using Tracking.Database.Entities;

namespace Tracking.Database.Privacy;

/// <summary>What may be kept of an event of one cluster, and for how long. Edges apply it before an event is written
/// anywhere, and ingest applies it again.</summary>
/// <param name="Address">How much of the client's address.</param>
/// <param name="IsAnonymous">Neither address nor user agent, whatever <paramref name="Address"/> says.</param>
/// <param name="RetentionMonths">Events older than this are refused.</param>
public sealed record ClusterPolicy(AddressPolicy Address, bool IsAnonymous, int RetentionMonths)
{
    private ClusterPolicy? _pseudonymous;
    private ClusterPolicy? _anonymous;

    /// <summary>For events whose cluster cannot be known: nothing personal is kept.</summary>
    public static ClusterPolicy Strictest { get; } = new(AddressPolicy.None, IsAnonymous: true, 0);

    /// <summary>The policy that a cluster's settings ask for. Level <see cref="TrackingLevel.Off"/> stops new links;
    /// old ones go on being counted, without a trace of who followed them.</summary>
    public static ClusterPolicy From(ClusterSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return new ClusterPolicy(settings.AddressPolicy, IsAnonymous: false, settings.RetentionMonths)
            .Under(settings.TrackingLevel);
    }

    /// <summary>This policy and a level, whatever is stricter. Nothing is made that was made before.</summary>
    public ClusterPolicy Under(TrackingLevel level) => level switch
    {
        TrackingLevel.Full => this,
        TrackingLevel.Pseudonymous when IsAnonymous || Address != AddressPolicy.Full => this,
        TrackingLevel.Pseudonymous => _pseudonymous ??= new(AddressPolicy.Truncated, false, RetentionMonths),
        _ when IsAnonymous && Address == AddressPolicy.None => this,
        _ => _anonymous ??= new(AddressPolicy.None, true, RetentionMonths),
    };

    /// <summary>Whether both keep the same of an event.</summary>
    public bool Equals(ClusterPolicy? other) => other is not null
        && (Address, IsAnonymous, RetentionMonths) == (other.Address, other.IsAnonymous, other.RetentionMonths);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Address, IsAnonymous, RetentionMonths);
}

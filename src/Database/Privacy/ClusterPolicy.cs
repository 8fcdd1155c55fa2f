using Tracking.Database.Entities;

namespace Tracking.Database.Privacy;

/// <summary>What may be stored of a cluster's events, and for how long. Edges apply the policy before an event is
/// written anywhere. Ingest applies it again.</summary>
/// <param name="Address">How much of the client's address is stored.</param>
/// <param name="IsAnonymous">Whether neither address nor user agent is stored. Then <paramref name="Address"/> has no
/// effect.</param>
/// <param name="RetentionMonths">Events older than this are refused.</param>
public sealed record ClusterPolicy(AddressPolicy Address, bool IsAnonymous, int RetentionMonths)
{
    private ClusterPolicy? _pseudonymous;
    private ClusterPolicy? _anonymous;

    /// <summary>For events of an unknown cluster: nothing personal is stored.</summary>
    public static ClusterPolicy Strictest { get; } = new(AddressPolicy.None, IsAnonymous: true, 0);

    /// <summary>The policy of a cluster's settings. Level <see cref="TrackingLevel.Off"/> stops new links. Clicks on
    /// old links are still counted, without personal data.</summary>
    public static ClusterPolicy From(ClusterSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return new ClusterPolicy(settings.AddressPolicy, IsAnonymous: false, settings.RetentionMonths)
            .Under(settings.TrackingLevel);
    }

    /// <summary>The stricter of this policy and a level. The results are cached.</summary>
    public ClusterPolicy Under(TrackingLevel level) => level switch
    {
        TrackingLevel.Full => this,
        TrackingLevel.Pseudonymous when IsAnonymous || Address != AddressPolicy.Full => this,
        TrackingLevel.Pseudonymous => _pseudonymous ??= new(AddressPolicy.Truncated, false, RetentionMonths),
        _ when IsAnonymous && Address == AddressPolicy.None => this,
        _ => _anonymous ??= new(AddressPolicy.None, true, RetentionMonths),
    };

    /// <summary>Whether both policies store the same of an event.</summary>
    public bool Equals(ClusterPolicy? other) => other is not null
        && (Address, IsAnonymous, RetentionMonths) == (other.Address, other.IsAnonymous, other.RetentionMonths);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Address, IsAnonymous, RetentionMonths);
}

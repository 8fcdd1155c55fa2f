using Tracking.Links;

namespace Tracking.DomainVerifier.Verification;

/// <summary>The names leased so far in one round, with the count for each cluster.</summary>
/// <param name="lease">The lease of the round's names.</param>
/// <param name="share">The largest number of names of one cluster in work.</param>
/// <param name="inWork">The names in work before the round, by cluster.</param>
internal sealed class ClaimRound(Guid lease, int share, IEnumerable<KeyValuePair<ClusterId, int>> inWork)
{
    public Guid Lease => lease;

    public int Share => share;

    /// <summary>The names in work of each cluster, including those of this round.</summary>
    public Dictionary<ClusterId, int> InWork { get; } = new(inWork);

    public List<LeasedDomain> Taken { get; } = [];

    /// <summary>The leased rows, including those of deleted clusters.</summary>
    public int Claimed { get; set; }

    /// <summary>The clusters with a full share.</summary>
    public IReadOnlyList<ClusterId> Full =>
        [.. InWork.Where(cluster => cluster.Value >= share).Select(cluster => cluster.Key)];

    public void Add(LeasedDomain domain)
    {
        Taken.Add(domain);
        InWork[domain.Cluster] = InWork.GetValueOrDefault(domain.Cluster) + 1;
    }
}
